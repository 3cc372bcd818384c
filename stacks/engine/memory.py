"""The machine's memory, which a tmpfs takes from: how much of it may still be used (F16)."""

from __future__ import annotations

from pathlib import Path

from stacks.engine import mounts
from stacks.engine.errors import NoRoom
from stacks.engine.room import MARGIN, Need

MEMINFO = Path("/proc/meminfo")


def available(meminfo: Path = MEMINFO) -> int:
    """Give the bytes that can be taken before the kernel kills programs: free and reclaimable memory, and swap."""
    fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
    return sum(int(fields.get(name, "0").split()[0]) * 1024 for name in ("MemAvailable", "SwapFree"))


def check(need: Need, what: str, *, meminfo: Path = MEMINFO) -> None:
    """Raise NoRoom, with numbers, when what is to go into the ramdisk is more than the memory that is available."""
    left, wanted = available(meminfo), int(need.bytes * MARGIN)
    if wanted > left:
        raise NoRoom(
            f"{what} needs about {wanted / 1e6:,.0f} MB in the ramdisk, which takes them from the memory, of which "
            f"{left / 1e6:,.0f} MB are available: the kernel would kill programs. End some, or remove a resident "
            "version."
        )


def warning(ramdisk: Path, *, meminfo: Path = MEMINFO) -> str:
    """Say that a ramdisk may grow beyond the memory that is available, "" when it may not."""
    room, left = mounts.room(ramdisk), available(meminfo)
    if room.bytes_free <= left:
        return ""
    return (
        f"The ramdisk may take {room.bytes_free / 1e6:,.0f} MB more (its limit is {room.bytes_total / 1e6:,.0f} MB), "
        f"and {left / 1e6:,.0f} MB of memory are available: before it is full the kernel would kill programs. Give it "
        "a smaller size."
    )
