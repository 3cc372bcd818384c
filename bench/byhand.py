"""What people do today: bare uv, rsync, rm and ln."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uv


def timed(work: Callable[[], object]) -> float:
    """How many seconds it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def rsync(source: Path, destination: Path, *options: str) -> None:
    """Copy a tree as by hand."""
    subprocess.run(["rsync", "-a", *options, f"{source}/", f"{destination}/"], check=True)


def forget_cached() -> None:
    """Have the kernel forget what it knows of every disk, as after days of other work; needs root."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def copy(source: Path, destination: Path) -> None:
    """Copy a tree by cp, all that it has kept."""
    subprocess.run(["cp", "-a", str(source), str(destination)], check=True)


def relink(link: Path, to: str) -> None:
    """Lead a link elsewhere by rm and ln."""
    subprocess.run(["rm", str(link)], check=True)
    subprocess.run(["ln", "-s", to, str(link)], check=True)


@contextmanager
def in_ram() -> Iterator[Path]:
    """Give a directory in shared memory, and remove it."""
    place = Path(tempfile.mkdtemp(prefix="dlstack-bench-", dir="/dev/shm"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Procedure:
    """The procedure by hand: a version is built in one place, kept in a dated directory, put back over what users run.

    `ram` is a directory that exists, `disk` is made. Nothing is halted or started.
    """

    def __init__(self, disk: Path, ram: Path) -> None:
        self._disk, self._built, self._link = disk, disk / "sw", ram / "sw.hdd"
        self.live = ram / "sw"

    def build(self, packages: Sequence[str], cache: Path) -> float:
        """Build anew where the last version was built; gives the seconds of the installation alone."""
        if self._built.exists():
            shutil.rmtree(self._built)
        self._built.mkdir(parents=True)
        return install(self._built / "anaconda3", packages, cache)

    def keep(self, name: str) -> None:
        """Copy what was built into the directory of a version."""
        rsync(self._built, self._disk / f"sw.{name}")

    def serve(self, name: str) -> None:
        """Have users run a version for the first time."""
        rsync(self._disk / f"sw.{name}", self.live)
        self._link.symlink_to(f"sw.{name}")

    def revert(self, name: str) -> None:
        """Copy a version over the tree that users run, then lead the backing link to it."""
        rsync(self._disk / f"sw.{name}", self.live, "--delete")
        relink(self._link, f"sw.{name}")


def install(place: Path, packages: Sequence[str], cache: Path) -> float:
    """Make a virtual environment and fill it by bare uv, from the cache of builds; gives the seconds."""
    found = uv.find_uv_bin()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PYTHON", "VIRTUAL"))}
    settings = {
        **kept, "UV_CACHE_DIR": str(cache / "uv"), "UV_LINK_MODE": "hardlink", "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1",
    }  # fmt: skip
    owner, began = cache.stat(), time.monotonic()
    for argv in (
        [found, "venv", "--quiet", "--python", "/usr/bin/python3.11", str(place)],
        [found, "pip", "install", "--quiet", "--compile-bytecode", "--python", f"{place}/bin/python", *packages],
    ):
        subprocess.run(argv, check=True, env=settings, cwd=place.parent)
    took = time.monotonic() - began
    if os.geteuid() == 0:  # what this wrote into the cache is the builds' again
        subprocess.run(["chown", "-R", "-h", f"{owner.st_uid}:{owner.st_gid}", str(cache)], check=True)
    return took


def new_blocks(tree: Path, beside: Sequence[Path] = ()) -> int:
    """How many bytes on its filesystem a tree takes, beyond what others beside it share with it by hard links."""
    known = {status[0] for other in beside for status in _inodes(other)}
    return sum(size for _, size in {status for status in _inodes(tree) if status[0] not in known})


def _inodes(tree: Path) -> Iterator[tuple[int, int]]:
    for directory, _, files in os.walk(tree):
        for path in (Path(directory), *(Path(directory, name) for name in files)):
            status = path.lstat()
            yield status.st_ino, status.st_blocks * 512
