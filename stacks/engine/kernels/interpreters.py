"""What is known of the program that a kernelspec starts, read from the disk; nothing of it is run."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import walking
from stacks.engine.kernels.findings import Finding, error, info, warning
from stacks.engine.kernels.place import Place, target_of

PYTHON = re.compile(r"python(3(\.\d+)?)?")
_NUMBERED = re.compile(r"[a-zA-Z]+(\d+(\.\d+)+)")
_CONDA = ("python", "r-base", "julia", "octave", "nodejs", "perl", "ruby")
_SYSTEM = (Path("/usr/local/bin"), Path("/usr/bin"), Path("/bin"))
_TREE = re.compile(r"/sw(\.[^/]+)?/")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A program: `path` as the kernelspec names it, `real` where it lies now, the `environment` that it belongs to."""

    path: str
    real: Path | None
    environment: str = ""
    version: str = ""

    @property
    def is_python(self) -> bool:
        """Tell whether it is a Python interpreter, by its name."""
        return PYTHON.fullmatch(Path(self.path).name) is not None


def find(program: str, place: Place, jupyter: str) -> Interpreter:
    """Find what a kernelspec starts; a bare name is looked for as the Jupyter of the environment `jupyter` would."""
    path = program
    if "/" not in program:
        own = place.live / jupyter / "bin" / ("python" if PYTHON.fullmatch(program) else program)
        ways = [own] if jupyter else []
        path = str(next((way for way in (*ways, *(d / program for d in _SYSTEM)) if place.resolve(way)), program))
    real = place.resolve(Path(path)) if path.startswith("/") else None
    environment = place.environment(Path(path))
    return Interpreter(path, real, environment, version(place, Path(path), real, environment))


def version(place: Place, path: Path, real: Path | None, environment: str) -> str:
    """Tell the version of an interpreter, "" where the disk does not say."""
    if environment and real is not None:
        prefix = place.tree / environment
        if PYTHON.fullmatch(path.name) and (found := _of_venv(place.tree, environment)):
            return found
        if found := _of_conda(prefix, path.name):
            return found
    numbered = _NUMBERED.fullmatch((real or path).name)
    return numbered[1] if numbered else ""


def _of_venv(tree: Path, environment: str) -> str:
    try:
        descriptor = walking.open_beneath(tree, Path(environment, "pyvenv.cfg"))
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        lines = file.read(10_000).decode("utf-8", errors="replace").splitlines()
    fields = {key.strip().lower(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return fields.get("version_info") or fields.get("version", "")


def _of_conda(prefix: Path, program: str) -> str:
    place = prefix / "conda-meta"
    try:
        names = [] if place.is_symlink() else os.listdir(place)
    except OSError:
        return ""
    wanted = "r-base" if program in ("R", "Rscript") else PYTHON.sub("python", program)
    records = (name.removesuffix(".json").rsplit("-", 2) for name in names if name.endswith(".json"))
    return next((parts[1] for parts in records if len(parts) == 3 and parts[0] == wanted and wanted in _CONDA), "")


def findings(program: str, found: Interpreter, place: Place, *, root: Path) -> Iterator[Finding]:
    """Say what is wrong with the `program` that a kernelspec of a tree under `root` names."""
    path = Path(found.path)
    if "/" not in found.path:
        yield error("missing-interpreter", f"{found.path} is found nowhere: name it by its full path.", "argv")
        return
    if not path.is_absolute() or ".." in path.parts:
        message = f"{found.path} is no full path: where it leads depends on the user."
        yield error("relative-interpreter", message, "argv")
        return
    yield from _bare(program)
    if wrong := _elsewhere(path, place, root, there=found.real is not None):
        yield wrong
    elif found.environment and not (place.tree / found.environment).is_dir():
        message = f"The environment {found.environment} is not in this version."
        yield error("no-environment", message, "argv")
    elif found.real is None:
        yield error("missing-interpreter", f"{path} does not exist{_dangling(place, path)}.", "argv")
    else:
        yield from _program(path, found.real, place, root)


def _elsewhere(path: Path, place: Place, root: Path, *, there: bool) -> Finding | None:
    if path.is_relative_to(place.live):
        return None
    within = path.relative_to(root).parts[0] if path.is_relative_to(root) and path != root else ""
    if within.startswith(("sw.", ".dlstack")) or (not there and _TREE.search(f"{path}/")):
        message = f"{path} lies in another tree: write it as below {place.live}, so that it follows a switch."
        return error("wrong-prefix", message, "argv")
    return None


def _dangling(place: Place, path: Path) -> str:
    here = place.inside(path)
    target = target_of(here)
    return f": it is a symlink to {target}, which is not there" if target else ""


def _program(path: Path, real: Path, place: Place, root: Path) -> Iterator[Finding]:
    mode = real.lstat().st_mode
    if not stat.S_ISREG(mode):
        yield error("not-executable", f"{path} is no file that can be run.", "argv")
    elif not mode & 0o111:
        yield error("not-executable", f"{path} is not executable: chmod 755.", "argv")
    elif place.holds(real) and (way := _shut(real, mode, place)):
        yield error("unreadable", f"Users cannot run {path}: {place.outside(way)} is closed to them.", "argv")
    elif script := _interpreter_of(real):
        yield from _script(path, script, place, root)
    if not path.is_relative_to(place.live):
        yield info("outside", f"{path} is the machine's own: it is not kept with the version.", "argv")


def _shut(real: Path, mode: int, place: Place) -> Path | None:
    closed = place.closed(real)
    # A program need not be readable to be run, unless it is a script; directories must be open.
    return closed if closed != real or not mode & 0o001 else None


def _interpreter_of(real: Path) -> str:
    try:
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        first = file.read(512).split(b"\n", 1)[0]
    return first[2:].strip().split(b" ")[0].decode(errors="replace") if first.startswith(b"#!") else ""


def _script(path: Path, interpreter: str, place: Place, root: Path) -> Iterator[Finding]:
    there = place.resolve(Path(interpreter)) is not None
    if _elsewhere(Path(interpreter), place, root, there=there):
        message = f"{path} is a script for {interpreter}, which lies in another tree: install it anew."
        yield error("wrong-prefix", message, "argv")
    elif not there:
        message = f"{path} is a script for {interpreter}, which does not exist."
        yield error("missing-interpreter", message, "argv")


def _bare(program: str) -> Iterator[Finding]:
    if "/" not in program:
        message = f"“{program}” is named without its path: which one starts depends on how Jupyter was started."
        yield warning("bare-name", message, "argv")
