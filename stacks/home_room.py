"""Room on the disk of DLSTACK_HOME: the reserve there is spent when that is full, so that database and logs go on."""

from __future__ import annotations

import logging
from pathlib import Path

from stacks.engine import mounts, reserve
from stacks.engine.status import Problem

LEFT = 1024 * 1024  # bytes free, of a small filesystem a 64th: with less a database does not get far
LEFT_FILES = 8

logger = logging.getLogger(__name__)


def relieve(home: Path) -> bool:
    """Spend the reserve of a home whose disk is full, and say so; tell whether that was done."""
    found = mounts.room(home)
    has_inodes = found.files_free is None or found.files_free >= LEFT_FILES
    if found.bytes_free >= min(LEFT, found.bytes_total // 64) and has_inodes:
        return False
    if not reserve.spend(home):
        return False
    logger.warning("The disk of %s was full: the room kept back there was spent. Make room, or DLStack stops.", home)
    return True


def problems(home: Path) -> list[Problem]:
    """Name the reserve of a home that was spent; one that was never made is made by the next worker."""
    if not reserve.was_made(home) or reserve.is_there(home):
        return []
    message = f"The disk of {home}, where database and logs lie, is full or was: the room kept back there was spent."
    return [Problem("home-reserve-spent", message, "Make room there: the worker keeps it back again within a minute.")]
