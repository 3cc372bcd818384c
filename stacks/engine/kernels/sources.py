"""Where the files of a kernelspec to be installed come from: the library, or an environment that is published."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.engine import walking
from stacks.engine.errors import Refused
from stacks.engine.guest.kernelspecs import dump, is_bare
from stacks.engine.guest.kernelspecs import own as python_spec
from stacks.engine.kernels import described, interpreters, library, pinning
from stacks.engine.kernels import spec as specs
from stacks.engine.kernels.findings import first_error
from stacks.engine.kernels.inventory import KERNELS, Sight
from stacks.engine.kernels.place import directories

LARGEST = 1024 * 1024  # bytes of a file beside kernel.json


@dataclass(frozen=True)
class Source:
    """A kernelspec to be installed: its spec as it will be written, pinned, and the files beside it."""

    spec: dict[str, Any]
    beside: dict[str, bytes]

    @property
    def files(self) -> dict[str, bytes]:
        """All files of its directory."""
        return {**self.beside, "kernel.json": dump(self.spec)}


def from_library(sight: Sight, name: str) -> Source:
    """Take a kernelspec of the library; raises Refused when it is not there or would not start in this tree."""
    found = library.entry(sight.library, name)
    if found is None:
        raise Refused(f"“{name}” is not in the library {sight.library}: add it there first.")
    wrong = first_error(found.findings)
    if wrong is not None:
        raise Refused(f"“{name}” of the library cannot be installed: {wrong.message}")
    return _source(found.spec, sight.library / name, sight, sight.jupyter)


def from_environment(sight: Sight, environment: str, display_name: str, language: str) -> Source:
    """Make a kernelspec that publishes an environment to all users: its own of that language, or the usual one.

    Raises Refused when there is no such environment, or nothing in it that runs the language.
    """
    prefix = sight.place.tree / environment
    if "/" in environment or environment.startswith(".") or prefix.is_symlink() or not prefix.is_dir():
        raise Refused(f"There is no environment “{environment[:80]}” in this version.")
    directory, spec = _own(sight, environment, language) or (None, _usual(sight, environment, language))
    named = {**spec, "display_name": display_name, "language": language}
    if wrong := next((item for item in specs.validate(named) if item.code != "unknown-field"), None):
        raise Refused(wrong.message)
    return _source(named, directory, sight, environment)


def _own(sight: Sight, environment: str, language: str) -> tuple[Path, dict[str, Any]] | None:
    for directory in directories(sight.place.tree / environment / KERNELS):
        found = described.describe(directory, environment, sight.place)
        if not first_error(found.findings) and found.language.lower() == language.lower():
            return directory, pinning.unpin(found.spec)
    return None


def _usual(sight: Sight, environment: str, language: str) -> dict[str, Any]:
    prefix = sight.place.live / environment
    if language.lower() == "python":
        return python_spec(prefix, "", language)
    if language.lower() == "r":
        argv = [str(prefix / "bin/R"), "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
        return {"argv": argv}
    raise Refused(
        f"“{environment}” has no kernelspec of its own for {language[:40]}, and only those for Python and R are known: "
        "add one to the library instead."
    )


def _source(spec: dict[str, Any], directory: Path | None, sight: Sight, environment: str) -> Source:
    whole = spec
    if is_bare(spec):
        starts = interpreters.find(spec["argv"][0], sight.place, environment)
        whole = {**spec, "argv": [starts.path, *spec["argv"][1:]]}
    _check(whole, sight)
    return Source(pinning.pin(whole, sight.place.live), _beside(directory, sight) if directory else {})


def _check(spec: dict[str, Any], sight: Sight) -> None:
    program = spec["argv"][0]
    if "{resource_dir}" in program:
        return  # it comes with the kernelspec; whether it starts, the health gate tells
    starts = interpreters.find(program, sight.place, sight.jupyter)
    wrong = first_error(list(interpreters.findings(program, starts, sight.place, root=sight.root)))
    if wrong is not None:
        raise Refused(f"It would not start in this version: {wrong.message}")


def _beside(directory: Path, sight: Sight) -> dict[str, bytes]:
    """Read the plain files beside a kernel.json; links and oversized files stay behind.

    The directory may be another owner's: no symlink on the way to it from the tree leads to another one.
    """
    tree = sight.place.tree if sight.place.holds(directory) else directory
    try:
        opened = walking.open_directory_beneath(tree, directory.relative_to(tree))
    except OSError:
        return {}
    try:
        names = [name for name in sorted(os.listdir(opened)) if name != "kernel.json" and not name.startswith(".")]
        read = {name: _small(opened, name) for name in names}
    finally:
        os.close(opened)
    return {name: data for name, data in read.items() if data is not None}


def _small(directory: int, name: str) -> bytes | None:
    try:
        descriptor = walking.open_in(directory, name)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LARGEST) if os.fstat(descriptor).st_size <= LARGEST else None
