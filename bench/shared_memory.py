"""Homes of machines that are only made to be measured, and what those keep in shared memory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a home below the temporary directory for a machine whose root is `root` in it, and remove all of it."""
    with tempfile.TemporaryDirectory(prefix="dlstack-bench-") as place:
        try:
            yield Path(place)
        finally:
            remove_ramdisk(Path(place) / "root")


def remove_ramdisk(root: Path) -> None:
    """Remove the directory in shared memory that the ramdisk of a root leads to, where it leads to one of ours."""
    link = root / "sw.tmpfs"
    if link.is_symlink() and str(link.readlink()).startswith("/dev/shm/dlstack-"):
        shutil.rmtree(link.readlink(), ignore_errors=True)
