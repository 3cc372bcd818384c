"""A disk of which one file cannot be read any more: a bit was flipped under Btrfs, which sums each block."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import ramdisk
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from tests.engine.conftest import Runner, make_version
from tests.engine.machines import machine_place
from tests.faults.power.disk import Kind, make
from tests.waiting import until

KIND = Kind("btrfs", 128, ("mkfs.btrfs", "-q", "-d", "single", "-m", "single"))
ROTTEN = "lib/rotten"
FILES = {f"lib/m{number}": str(number) for number in range(30)}


@dataclass
class Machine:
    """Versions a (active) and b, and a file of b that is going to rot."""

    layout: Layout
    image: Path

    @property
    def runner(self) -> Runner:
        return Runner(self.layout, resolve())

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self.image, self.layout.root.parent], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.layout.root.parent], check=True)
        # A sandbox that another test began meanwhile has it mounted still, and what was read of it in memory.
        until(self._is_let_go, within=120)

    def _is_let_go(self) -> bool:
        asked = ["losetup", "--noheadings", "--associated", str(self.image)]
        return not subprocess.run(asked, check=True, capture_output=True).stdout.strip()

    def rot(self, content: bytes) -> None:
        """Flip one bit of what lies on the disk as `content`, below the filesystem."""
        self.unmount()
        with self.image.open("r+b") as file:
            at = file.read().index(content[:4096]) + 100
            file.seek(at)
            file.write(bytes([content[100] ^ 1]))
        self.mount()


@contextmanager
def rotten() -> Iterator[Machine]:
    """Make such a machine; version b cannot be read in whole."""
    with machine_place() as place:
        made = Machine(Layout(place / "disk" / "data0"), place / "image")
        made.layout.root.parent.mkdir()
        make(KIND, made.image)
        made.mount()
        try:
            content = populate(made)
            made.rot(content)
            yield made
        finally:
            with suppress(FileNotFoundError):
                shutil.rmtree(ramdisk.private_directory(made.layout))


def populate(made: Machine) -> bytes:
    ramdisk.prepare(made.layout, resolve())
    content = random.Random(1).randbytes(32 * 1024).hex()
    for name, more in (("a", {}), ("b", {ROTTEN: content})):
        make_version(made.layout, name, {"own": name} | FILES | more, mtime=1e9)
    made.runner.run("deploy", version="a")
    subprocess.run(["sync", "-f", made.layout.root], check=True)
    return content.encode()
