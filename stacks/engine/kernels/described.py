"""One kernelspec directory of a tree, as far as its own files tell."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.engine.errors import Refused
from stacks.engine.kernels import pinning
from stacks.engine.kernels import spec as specs
from stacks.engine.kernels.findings import Finding, error
from stacks.engine.kernels.place import Place, directories, target_of
from stacks.engine.kernels.spec import Read

LOGO = re.compile(r"logo-[A-Za-z0-9._-]+\.(png|svg|gif|jpg)")


@dataclass(frozen=True, slots=True)
class Described:
    """A kernelspec directory: `directory` where it lies, `spec` as it says, `argv` without the launcher."""

    name: str
    environment: str
    directory: Path
    spec: dict[str, Any]
    findings: tuple[Finding, ...]
    uid: int
    logos: list[str]

    @property
    def argv(self) -> list[str]:
        """The kernel's own command, [] where there is none that can be read."""
        argv = pinning.unpin(self.spec).get("argv")
        return [str(word) for word in argv] if isinstance(argv, list) else []

    @property
    def env(self) -> dict[str, str]:
        """The variables that it sets, {} where they cannot be told."""
        env = self.spec.get("env")
        return {name: str(value) for name, value in env.items()} if isinstance(env, dict) else {}

    @property
    def pinned(self) -> bool:
        """Tell whether it starts through the launcher."""
        return pinning.is_pinned(self.spec)

    @property
    def display_name(self) -> str:
        """What users see."""
        return str(self.spec.get("display_name") or "")

    @property
    def language(self) -> str:
        """The language of its notebooks."""
        return str(self.spec.get("language") or "")


def describe(directory: Path, environment: str, place: Place) -> Described:
    """Read a kernelspec directory; a symlink is named for what it is and not followed."""
    try:
        status = directory.lstat()
    except OSError:  # its owner may be at work there
        gone = error("unreadable", "It went away while it was looked at: look again.")
        return Described(directory.name, environment, directory, {}, (gone,), -1, [])
    is_link = stat.S_ISLNK(status.st_mode)
    read = Read(findings=(_link(directory, place),)) if is_link else _read(directory, place)
    findings = [*_named(directory.name), *read.findings]
    logos = [] if is_link else logos_of(directory)
    return Described(directory.name, environment, directory, read.spec, tuple(findings), status.st_uid, logos)


def _read(directory: Path, place: Place) -> Read:
    file = directory / "kernel.json"
    if file.is_symlink():
        return Read(findings=(_link(file, place),))
    read = specs.read(file, beneath=place.tree if place.holds(file) else None)
    closed = place.closed(file) if place.holds(file) and file.exists() else None
    if closed is None:
        return read
    shut = error("unreadable", f"Users cannot read it: {place.outside(closed)} is closed to them.")
    return Read(read.data, read.spec, (*read.findings, shut))


def _link(path: Path, place: Place) -> Finding:
    target = target_of(path) or "what is not there any more"
    real = place.resolve(place.outside(path))
    what = "kernel.json" if path.name == "kernel.json" else "The directory"
    if real is not None and not place.holds(real):
        return error("symlink-out", f"{what} is a symlink out of the version, to {target}: put a copy there.")
    return error("symlink", f"{what} is a symlink to {target}, which is not followed: put a copy there.")


def _named(name: str) -> list[Finding]:
    try:
        specs.check_name(name)
    except Refused as refusal:
        return [error("bad-name", str(refusal))]
    return []


def logos_of(directory: Path) -> list[str]:
    """List the logos of a kernelspec directory; only plain files count."""
    return [path.name for path in directories(directory) if LOGO.fullmatch(path.name) and _is_plain_file(path)]


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:  # it may be another owner's, and gone by now
        return False
