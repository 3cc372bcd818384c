"""What the owner of an external environment may plant in it: thirty attacks, each a function of a directory of his."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SECRET = "CANARY-THAT-NOBODY-MAY-READ"  # the content of what lies outside
UID = GID = 899

Plant = Callable[[Path, Path], None]
DEPTH = 2200  # directories in one another, beyond what a path can name
CHUNK = "d" * 200


def link(target: str, name: str = "planted") -> Plant:
    """Plant a symlink; {outside} and {place} stand for what they are."""

    def plant(place: Path, outside: Path) -> None:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).symlink_to(target.format(outside=outside, place=place))

    return plant


def hard(name: str) -> Plant:
    """Link a file of somebody else, as a kernel without protected_hardlinks lets everybody do."""

    def plant(place: Path, outside: Path) -> None:
        with suppress(OSError):  # on a filesystem of its own it cannot be
            os.link(outside / name, place / "hard")

    return plant


def pipe(name: str) -> Plant:
    def plant(place: Path, outside: Path) -> None:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(place / name)

    return plant


def directory_of(mode: int) -> Plant:
    def plant(place: Path, outside: Path) -> None:
        closed = place / "closed" / "inner"
        closed.mkdir(parents=True)
        (closed / "file").write_text("theirs")
        closed.chmod(mode)
        closed.parent.chmod(mode)

    return plant


def setuid(place: Path, outside: Path) -> None:
    shutil.copy("/bin/true", place / "setuid")
    (place / "setuid").chmod(0o4755)


def deep(place: Path, outside: Path) -> None:
    """Make a tree that no path can name."""
    at = os.open(place, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def long_names(place: Path, outside: Path) -> None:
    """Make names whose path is longer than a program may ask for."""
    at = os.open(place, os.O_RDONLY)
    for _ in range(25):
        os.mkdir(CHUNK, dir_fd=at)
        below = os.open(CHUNK, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def odd_names(place: Path, outside: Path) -> None:
    for name in (b"new\nline", b"-rf", b"--delete", b"\xff\xfe", b"..data", b" ", b"*", b"a\\b", b"$(id)", b"`id`"):
        with open(os.path.join(os.fsencode(place), name), "wb") as file:
            file.write(b"theirs")


def unix_socket(place: Path, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(place)
        made.bind("socket")
        os.chdir("/")


def sparse(place: Path, outside: Path) -> None:
    with (place / "sparse").open("wb") as file:
        file.truncate(50_000_000)


def identity(place: Path, outside: Path) -> None:
    (place / ".dlstack.json").write_text('{"uuid": "x", "manifest": "y"}')


def kernelspec_link(place: Path, outside: Path) -> None:
    shutil.rmtree(place / "share", ignore_errors=True)
    (place / "share").mkdir()
    (place / "share/jupyter").symlink_to(outside / "share/jupyter")


def metadata_link(place: Path, outside: Path) -> None:
    info = place / "lib/python3.11/site-packages/evil-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").symlink_to(outside / "secret")


def link_loop(place: Path, outside: Path) -> None:
    (place / "loop").symlink_to("loop2")
    (place / "loop2").symlink_to("loop")


def immutable_looks(place: Path, outside: Path) -> None:
    (place / "none").mkdir()
    (place / "none/file").write_text("theirs")
    (place / "none/file").chmod(0)
    (place / "none").chmod(0o111)


ATTACKS: dict[str, Plant] = {
    "link-to-file": link("{outside}/secret"),
    "link-to-directory": link("{outside}"),
    "link-to-root": link("/"),
    "link-to-shadow": link("/etc/shadow"),
    "link-up": link("../../../../../../../.."),
    "link-up-to-identity": link("../.dlstack.json"),
    "link-to-state": link("../../.dlstack"),
    "link-to-proc": link("/proc/self/root"),
    "link-to-fd": link("/proc/self/fd/0"),
    "link-to-device": link("/dev/zero"),
    "link-dangling": link("/nowhere/at/all"),
    "link-to-itself": link_loop,
    "link-below": link("{outside}/dir", "lib/one/two/planted"),
    "link-with-newline": link("{outside}/a\nb"),
    "kernelspecs-link": kernelspec_link,
    "metadata-link": metadata_link,
    "hard-to-secret": hard("secret"),
    "hard-to-setuid": hard("setuid"),
    "fifo": pipe("pipe"),
    "fifo-for-kernel-json": pipe("share/jupyter/kernels/evil/kernel.json"),
    "fifo-for-metadata": pipe("lib/python3.11/site-packages/evil-2.dist-info/METADATA"),
    "fifo-for-pyvenv": pipe("pyvenv.cfg"),
    "socket": unix_socket,
    "setuid": setuid,
    "deep": deep,
    "long-names": long_names,
    "odd-names": odd_names,
    "unreadable": directory_of(0),
    "unlisted": immutable_looks,
    "sparse": sparse,
    "identity": identity,
}


def give(place: Path) -> None:
    """Make his what was planted, as if he had made it himself; what was linked from outside stays as it is."""
    os.lchown(place, UID, GID)
    with os.scandir(place) as found:
        entries = list(found)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and len(entry.path) < 1000 and entry.path.count("/") < 100:
            mode = entry.stat(follow_symlinks=False).st_mode & 0o7777
            give(Path(entry.path))
            os.chmod(entry.path, mode)
        elif entry.name != "hard":
            mode = entry.stat(follow_symlinks=False).st_mode
            os.lchown(entry.path, UID, GID)
            if entry.is_file(follow_symlinks=False):
                os.chmod(entry.path, mode & 0o7777)
