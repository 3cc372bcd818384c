"""What a machine is: what its worker tells once, and people look at before they build or ask why something differs."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

from stacks.engine import mounts
from stacks.engine.errors import Failed
from stacks.engine.process import Command, base_environment, run
from stacks.engine.stop import Stop

_VERSION = re.compile(r"\d+(\.\d+)+")
LONGEST = 100
ANSWERS_WITHIN = 10  # seconds


def gather(root: Path) -> dict[str, Any]:
    """Give host, kernel, distribution, processors, memory, the disk of a root, and versions of programs.

    What cannot be found out is "" or 0: a worker works without it.
    """
    return {
        "host": os.uname().nodename[:LONGEST],
        "kernel": f"{os.uname().release} {os.uname().machine}"[:LONGEST],
        "distribution": _distribution(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "disk": _disk(root),
        "python": platform.python_version(),
        "rsync": _program("rsync"),
        "bubblewrap": _program("bwrap"),
    }


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")[:LONGEST]
    except OSError:  # neither of its files is there
        return ""


def _disk(root: Path) -> int:
    """Give the size of the filesystem that holds a root, which may not have been made yet."""
    try:
        there = next(path for path in (root, *root.parents) if path.exists())
        return mounts.room(there).bytes_total
    except OSError:
        return 0


def _program(name: str) -> str:
    """Ask a program for its version; "" where it is not installed or does not say."""
    lines: list[str] = []
    try:
        asked = Command((name, "--version"), env=base_environment(), limit=ANSWERS_WITHIN)
        run(asked, lambda _: None, Stop(), stdout=lines.append)
    except Failed:
        return ""
    found = _VERSION.search("\n".join(lines)[:1000])
    return found[0] if found else ""
