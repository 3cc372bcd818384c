"""A machine with a drifted active version, kept as it was made, so that each repeat begins with a whole one."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import ramdisk
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from tests.engine.conftest import Runner, make_version
from tests.engine.machines import listing, machine_place, unmount_below

FILES = 200
TAKEN = 150  # of them are taken away by `half` of the bad states
NOISE = (".dlstack/locks",)  # whoever asks for a backup takes the lane's lock


@dataclass
class Kept:
    """The machine: versions a and b (active), both in the ramdisk too."""

    layout: Layout
    ram: Path

    @property
    def copies(self) -> Path:
        return self.layout.root.parent / "kept"

    def keep(self) -> None:
        for place in (self.layout.root, self.ram):
            subprocess.run(["cp", "-a", place, self.copies / place.name], check=True)

    def put_back(self) -> None:
        unmount_below(self.ram)
        for place in (self.layout.root, self.ram):
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run(["cp", "-a", self.copies / place.name, place], check=True)

    def drift(self, chance: random.Random) -> None:
        """Change what users have, by a little or nothing, as they do between two backups."""
        tree = self.layout.resident("b")
        for number in chance.sample(range(TAKEN, FILES), chance.randrange(5)):
            file = tree / f"lib/m{number}"
            file.unlink()
            if chance.random() < 0.7:
                file.write_text(f"changed {chance.random()}")
        if chance.random() < 0.5:
            (tree / f"added{chance.randrange(10**6)}").write_text("new")

    def all_copies(self) -> dict[str, tuple[object, ...]]:
        """Describe every path on disk and in the ramdisk, down to inodes and times."""
        found = {f"{place.name}/{path}": told for place in (self.layout.root, self.ram) if place.is_dir()
                 for path, told in listing(place, times=True).items()}  # fmt: skip
        return {path: told for path, told in found.items() if not any(noise in path for noise in NOISE)}


@contextmanager
def kept_machine() -> Iterator[Kept]:
    """Make such a machine; what is mounted is unmounted, and all removed, afterwards."""
    with machine_place() as place:
        layout = Layout(place / "data0")
        ramdisk.prepare(layout, resolve())
        made = Kept(layout, ramdisk.private_directory(layout))
        try:
            populate(made)
            yield made
        finally:
            unmount_below(made.ram)
            shutil.rmtree(made.ram, ignore_errors=True)


def populate(made: Kept) -> None:
    files = {f"lib/m{number}": str(number) for number in range(FILES)}
    runner = Runner(made.layout, resolve())
    for name in "ab":
        make_version(made.layout, name, {"file": name} | files, mtime=1e9)
        runner.run("deploy", version=name)
    made.copies.mkdir()
    made.keep()
