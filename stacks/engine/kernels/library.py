"""The kernelspec library of a machine: master copies on disk, which are the truth; concurrent edits are detected."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stacks.engine import durable, trees
from stacks.engine.errors import Refused
from stacks.engine.kernels import pinning
from stacks.engine.kernels import spec as specs
from stacks.engine.kernels.described import logos_of
from stacks.engine.kernels.findings import Finding, error
from stacks.engine.kernels.place import directories
from stacks.engine.kernels.spec import Read, check_name

Likeness = Literal["same", "differs", "absent"]
TRASH = ".trash"
PATIENCE = 5.0  # seconds for the library's lock
# Jupyter would start these, but nobody is to write them.
_NEVER_WRITTEN = ("markup", "control-characters")


@dataclass(frozen=True, slots=True)
class Entry:
    """A kernelspec of the library: its text as it is on disk, and the `digest` of that, which an edit must name."""

    name: str
    text: str
    digest: str
    spec: dict[str, Any]
    findings: tuple[Finding, ...]
    logos: list[str]


def entries(library: Path) -> list[Entry]:
    """List the library; [] where there is none. A symlink in it is named for what it is and not followed."""
    listed = (path for path in directories(library) if not path.name.startswith("."))
    return [_entry(path) for path in listed if path.is_symlink() or path.is_dir()]


def entry(library: Path, name: str) -> Entry | None:
    """Give one kernelspec of the library, None when there is none; raise Refused for what is no name."""
    place = library / check_name(name)
    return _entry(place) if os.path.lexists(place) else None


def _entry(place: Path) -> Entry:
    read = Read(findings=(error("symlink", "It is a symlink, which is not followed: put a copy there."),))
    if not place.is_symlink():
        read = specs.read(place / "kernel.json")
    text = read.data.decode(errors="replace")
    logos = [] if place.is_symlink() else logos_of(place)
    return Entry(place.name, text, digest(read.data), read.spec, read.findings, logos)


def read_logo(library: Path, name: str, logo: str) -> bytes:
    """Read a logo of a kernelspec; raises Refused when there is none that is a plain file of 1 MB at most."""
    found = entry(library, name)
    if found is None or logo not in found.logos:
        raise Refused(f"“{name}” of the library has no such logo.")
    descriptor = os.open(library / name / logo, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(specs.LARGEST + 1)
    if len(data) > specs.LARGEST:
        raise Refused(f"{logo} is larger than 1 MB.")
    return data


def digest(data: bytes) -> str:
    """Name a kernel.json by its content."""
    return hashlib.sha256(data).hexdigest()


def check(text: str) -> list[Finding]:
    """Say all that is wrong with a kernel.json that somebody would write; errors keep it from being written."""
    found = specs.parse(text.encode(errors="surrogatepass")).findings
    return [error(item.code, item.message, item.field) if item.code in _NEVER_WRITTEN else item for item in found]


def write(library: Path, name: str, text: str, *, expected: str) -> Entry:
    """Write a kernelspec; `expected` is the digest of what was there when it was read, "" for a new one.

    Raises Refused, with nothing changed, for bad content, a name that is none, or when something else is there now.
    """
    check_name(name)
    if wrong := next((item for item in check(text) if item.severity == "error"), None):
        raise Refused(wrong.message)
    with _writing(library):
        _refuse_changed(library, name, expected)
        place = library / name
        if not expected:
            place.mkdir(mode=0o755)
            _give(place, library)
        durable.write_bytes(place / "kernel.json", text.encode())
        _give(place / "kernel.json", library)
        return _entry(place)


def remove(library: Path, name: str, *, expected: str) -> Entry:
    """Take a kernelspec out of the library; gives back what it was.

    Raises Refused, with nothing changed, when it is a symlink, is not there, or is not what was read as `expected`.
    """
    check_name(name)
    with _writing(library):
        _refuse_changed(library, name, expected)
        found = _entry(library / name)
        trees.discard(library / name, library / TRASH)
        _drop(library / TRASH)
        return found


@contextmanager
def _writing(library: Path) -> Iterator[None]:
    """Keep other writers of ours out, and say in words what the system refuses."""
    try:
        _make_library(library)
        descriptor = os.open(library, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _take(descriptor, library)
            yield
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise Refused(f"{library} cannot be written: {problem.strerror}. Nothing was changed.") from None


def _take(descriptor: int, library: Path) -> None:
    # Whoever can read the directory can lock it: nobody waits for that for ever.
    give_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise Refused(
                    f"Somebody else keeps {library} locked: try again, or find out who with “lsof”."
                ) from None
            time.sleep(0.05)


def _drop(trash: Path) -> None:
    try:
        trash.rmdir()
    except OSError as problem:
        if problem.errno != errno.ENOTEMPTY:
            raise


def likeness(name: str, spec: dict[str, Any], library: Path, directory: Path) -> Likeness:
    """Compare an installed kernelspec with the library's of that name; the launcher does not count."""
    place = library / name
    if directory == place or not _is_own(place):
        return "absent"
    master, installed = specs.read(place / "kernel.json").spec, pinning.unpin(spec)
    return "same" if installed in (master, _settled(master, installed)) else "differs"


def _settled(master: dict[str, Any], installed: dict[str, Any]) -> dict[str, Any]:
    """Give a bare program the path that a build gave it."""
    argv, found = master.get("argv"), installed.get("argv")
    if not (isinstance(argv, list) and argv and isinstance(found, list) and found):
        return master
    if os.path.basename(str(found[0])) != argv[0]:
        return master
    return {**master, "argv": [found[0], *argv[1:]]}


def _refuse_changed(library: Path, name: str, expected: str) -> None:
    place = library / name
    if os.path.lexists(place) and not _is_own(place):
        raise Refused(f"{place} is a symlink or no directory: it was left alone.")
    found = _entry(place) if place.is_dir() else None
    if found is None and expected:
        raise Refused(f"“{name}” is not in the library any more: nothing was changed.")
    if found is not None and not expected:
        raise Refused(f"“{name}” is in the library already: open it and edit it there.")
    if found is not None and found.digest != expected:
        raise Refused(f"“{name}” was changed meanwhile: nothing was written. Compare both, then save again.")


def _make_library(library: Path) -> None:
    if library.is_symlink() and not library.is_dir():
        raise Refused(f"{library} is a symlink that leads nowhere: mend it first.")
    if not library.is_dir():
        library.mkdir(mode=0o755)


def _is_own(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _give(path: Path, library: Path) -> None:
    if os.geteuid() == 0:
        status = library.stat()
        os.lchown(path, status.st_uid, status.st_gid)
