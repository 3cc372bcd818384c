"""Whether the kernel killed programs for want of memory (F16)."""

from __future__ import annotations

from pathlib import Path

VMSTAT = Path("/proc/vmstat")


def kills(vmstat: Path = VMSTAT) -> int:
    """Count the processes that the kernel has killed for want of memory since the machine started."""
    try:
        lines = vmstat.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def told(before: int, vmstat: Path = VMSTAT) -> str:
    """Say that memory was lacking since `kills` gave `before`, "" when it was not."""
    killed = kills(vmstat) - before
    if killed <= 0:
        return ""
    return (
        f" The memory did not suffice: the kernel killed {killed} process{'es' if killed > 1 else ''} meanwhile (OOM). "
        "What lies in the ramdisk counts as memory: drop a resident version, or try again when fewer programs run."
    )
