"""Parting files from links that lie outside their tree: whoever can write there could change them (F35)."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stacks.engine import contents, durable
from stacks.engine.manifest import Entry

_THREADS = 4  # most of the time is the kernel's, which holds no lock of Python's


def part(tree: Path, files: Iterable[Entry]) -> int:
    """Give each of a tree's files that something outside is a hard link of an inode of its own; tell how many."""
    linked: dict[int, list[Entry]] = defaultdict(list)
    links: dict[int, int] = {}
    for entry in files:
        status = os.lstat(f"{tree}/{entry.path}")
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            linked[status.st_ino].append(entry)
            links[status.st_ino] = status.st_nlink
    outside = [entries for inode, entries in linked.items() if links[inode] > len(entries)]
    with ThreadPoolExecutor(_THREADS) as pool:
        return sum(pool.map(lambda entries: _part(tree, entries), outside, chunksize=64))


def _part(tree: Path, entries: list[Entry]) -> int:
    """Copy one inode, and make what were links of one another inside the tree links of the copy."""
    first, *others = (tree / entry.path for entry in entries)
    _copy(first)
    for other in others:
        aside = durable.temporary_name(other)
        os.link(first, aside, follow_symlinks=False)
        os.rename(aside, other)
    return len(entries)


def _copy(file: Path) -> None:
    aside = durable.temporary_name(file)
    source = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    target = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        status = os.fstat(source)
        _copy_content(source, target, status.st_size)
        if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
            os.fchown(target, status.st_uid, status.st_gid)
        os.fchmod(target, stat.S_IMODE(status.st_mode))
        for name in contents.attribute_names(source):
            os.setxattr(target, name, os.getxattr(source, name))
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.close(source)
        os.close(target)
    os.rename(aside, file)


def _copy_content(source: int, target: int, size: int) -> None:
    # Within one filesystem the kernel copies, or shares blocks where the filesystem can.
    while size > 0:
        copied = os.copy_file_range(source, target, size)
        if not copied:
            return
        size -= copied
