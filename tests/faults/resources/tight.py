"""A root on a tiny filesystem with a tiny ramdisk, both real mounts, and what fills them up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stacks.engine import externals, links, manifest, mounts, ramdisk, reserve, resident, sizes, versions
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from tests.engine.conftest import Runner, make_version
from tests.engine.machines import machine_place, unmount_below

Where = Literal["disk", "ramdisk"]
What = Literal["bytes", "inodes"]
SHARED = {f"lib/m{number}": f"{number}" * 3000 for number in range(40)}


@dataclass
class Tight:
    """The machine: versions a (active) and b, which shares most with it."""

    layout: Layout
    fillers: list[Path] = field(default_factory=list)

    def place(self, where: Where) -> Path:
        if where == "disk":
            return self.layout.root.parent
        # Under layout in-place all but DLStack's own directory is the live tree.
        return self.layout.ramdisk / ".dlstack" if resident.is_in_place(self.layout) else self.layout.ramdisk

    def fill(self, where: Where, what: What, leave: int = 0) -> None:
        """Use up what is free but for `leave` bytes or inodes."""
        place = self.place(where)
        place.mkdir(mode=0o700, exist_ok=True)
        (self._bytes if what == "bytes" else self._inodes)(place, leave)

    def _bytes(self, place: Path, leave: int) -> None:
        filler = place / f"filler{len(self.fillers)}"
        self.fillers.append(filler)
        # Synced, since a disk may promise more than it has until the blocks are found.
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while (free := mounts.room(place).bytes_free - leave) >= 4096:
                file.write(bytes(min(free, 1024 * 1024)))
                os.fsync(file.fileno())

    def _inodes(self, place: Path, leave: int) -> None:
        directory = place / f"fillers{len(self.fillers)}"
        directory.mkdir()
        while (mounts.room(place).files_free or 0) > leave:
            filler = directory / str(len(self.fillers))
            filler.touch()
            self.fillers.append(filler)

    def relax(self) -> None:
        """Give back what was used up."""
        for filler in self.fillers:
            filler.unlink(missing_ok=True)
        self.fillers.clear()

    def state(self) -> dict[str, object]:
        """Describe all that a failed operation must leave as it was."""
        layout = self.layout
        sealed = versions.all_sealed(layout)
        return {
            "links": (links.target(layout.live), links.target(layout.backing)),
            "live": externals.without(manifest.scan(Path(os.path.realpath(layout.live))), [".dlstack"]).entries,
            "versions": {name: manifest.scan(layout.version(name)).entries for name in sorted(sealed)},
            "directories": versions.directories(layout),
            "half-made": [layout.building.exists(), *sorted(self._staged())],
            "described": sorted(path.name for path in (layout.state / "versions").iterdir()),
            "pending": sorted(path.name for path in layout.state.glob("*pending*")),
        }

    def _staged(self) -> list[str]:
        private = self.layout.ramdisk / ".dlstack"
        found = [path.name for path in private.iterdir()] if private.is_dir() else []
        trash = [f"trash/{path.name}" for path in resident.trash(self.layout).glob("*")]
        return [name for name in found if name != "trash"] + trash


@contextmanager
def tight(mount_disk: Sequence[str] = ()) -> Iterator[Tight]:
    """Give such a machine; what is mounted is unmounted afterwards. `mount_disk` mounts another disk than a tmpfs."""
    with machine_place() as place:
        disk = place / "disk"
        disk.mkdir()
        subprocess.run([*(mount_disk or tmpfs("48m", 3000)), disk], check=True)
        layout = Layout(disk / "data0")
        (layout.root / "sw.tmpfs").mkdir(parents=True)
        subprocess.run([*tmpfs("16m", 1200), layout.ramdisk], check=True)
        ramdisk.prepare(layout, resolve())
        reserve.keep(layout.state, reserve.SIZE)
        yield Tight(layout)
        unmount_below(place)


def tmpfs(size: str, inodes: int) -> list[str]:
    """Spell the command that mounts a tmpfs."""
    return ["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes},mode=755", "tmpfs"]


def populate(machine: Tight) -> Runner:
    """Seal the versions a and b, and deploy a."""
    layout = machine.layout
    runner = Runner(layout, resolve())
    for name in "ab":
        make_version(layout, name, {**SHARED, "own": name * 300_000, "env/lib/own": name}, mtime=1e9)
    sizes.refresh(layout)
    runner.run("deploy", version="a")
    return runner


def drift(machine: Tight) -> None:
    """Change what users have: a file of its own, and one replaced."""
    live = Path(os.path.realpath(machine.layout.live))
    (live / "new").write_bytes(b"n" * 200_000)
    (live / "lib/m1").unlink()
    (live / "lib/m1").write_text("changed")
