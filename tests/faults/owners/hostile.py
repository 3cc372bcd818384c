"""The owner of an external environment as he attacks: hostile.py ROOT OUTSIDE; runs as user 899 until it is killed.

He exchanges directories, files, pipes and symlinks under whoever goes through his environment, keeps every directory of
his that he ever saw open and goes on writing there, shortens and lengthens files, and moves things about. Now and then
he rests, so that what is checked for changes gets on to its next step.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import random
import sys
import time

NAME = "antares-kernel"
_libc = ctypes.CDLL(None, use_errno=True)
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def exchange(directory: int, one: str, other: str) -> None:
    _libc.renameat2(directory, one.encode(), directory, other.encode(), 2)


class Hostile:
    """What he does in each directory of his that he has open."""

    def __init__(self, root: str, outside: str) -> None:
        self.root, self.outside = root, outside
        self.open: dict[int, int] = {}  # by inode

    def look(self) -> None:
        """Open every environment of his that can be found, and prepare it."""
        patterns = (f"{self.root}/sw.*/{NAME}", f"{self.root}/sw.tmpfs/*/{NAME}", f"{self.root}/../source")
        for place in (path for pattern in patterns for path in glob.glob(pattern)):
            with contextlib.suppress(OSError):
                descriptor = os.open(place, _FLAGS)
                inode = os.fstat(descriptor).st_ino
                if inode in self.open:
                    os.close(descriptor)
                else:
                    self.open[inode] = descriptor
                    self.prepare(descriptor)
        while len(self.open) > 40:  # the newest are the ones in use
            os.close(self.open.pop(next(iter(self.open))))

    def prepare(self, place: int) -> None:
        outside = self.outside
        for name, target in (
            ("planted", outside), ("planted-sub", f"{outside}/sub"), ("planted-file", f"{outside}/secret"),
            ("planted-share", f"{outside}/share"), ("planted-lib", outside),
        ):  # fmt: skip
            with contextlib.suppress(OSError):
                os.symlink(target, name, dir_fd=place)
        with contextlib.suppress(OSError):
            os.mkfifo("planted-pipe", dir_fd=place)
        for path in (f"{outside}/secret", f"{outside}/setuid"):
            with contextlib.suppress(OSError):
                os.link(path, f"hard{os.path.basename(path)}", dst_dir_fd=place)

    def strike(self, place: int) -> None:
        random.choice((self.swap, self.swap, self.swap, self.tear, self.write, self.shut, self.move))(place)

    def swap(self, place: int) -> None:
        pairs = (
            ("sub", "planted-sub"), ("lib", "planted-lib"), ("share", "planted-share"), ("big", "planted-pipe"),
            ("file", "planted-file"), ("sub", "planted"), ("big", "planted-file"), ("lib", "planted-pipe"),
        )  # fmt: skip
        one, other = random.choice(pairs)
        for _ in range(20):
            exchange(place, one, other)

    def tear(self, place: int) -> None:
        descriptor = os.open("big", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=place)
        try:
            os.ftruncate(descriptor, 0)
            os.ftruncate(descriptor, random.randrange(2_000_000))
        finally:
            os.close(descriptor)

    def write(self, place: int) -> None:
        name = f"new{random.randrange(50)}"
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=place))
        os.unlink(name, dir_fd=place)
        with contextlib.suppress(OSError):
            os.mkdir(f"dir{random.randrange(20)}", dir_fd=place)

    def shut(self, place: int) -> None:
        for mode in (0, 0o755):
            os.chmod("sub", mode, dir_fd=place)

    def move(self, place: int) -> None:
        other = random.choice(list(self.open.values()))
        name = f"dir{random.randrange(20)}"
        os.rename(name, name, src_dir_fd=place, dst_dir_fd=other)

    def run(self) -> None:
        while True:
            self.look()
            burst = time.monotonic() + random.choice((0.02, 0.1, 0.3))
            while time.monotonic() < burst and self.open:
                with contextlib.suppress(OSError):
                    self.strike(random.choice(list(self.open.values())))
            time.sleep(random.choice((0.0, 0.1, 0.3, 1.0)))


if __name__ == "__main__":
    Hostile(*sys.argv[1:]).run()
