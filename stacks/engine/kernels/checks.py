"""Checking a kernel in three depths: its files, its interpreter, its start; each verdict names the cause by a code."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

from stacks.engine import launch, process, recipe
from stacks.engine.errors import CommandFailed, Failed, Refused, TimedOut
from stacks.engine.events import Event
from stacks.engine.kernels import inventory
from stacks.engine.kernels.findings import first_error
from stacks.engine.kernels.inventory import Kernel, Sight
from stacks.engine.kernels.place import Place
from stacks.engine.kernelspecs import Found
from stacks.engine.layout import Layout
from stacks.engine.sandbox import Sandbox
from stacks.engine.stop import Stop
from stacks.engine.versions import Description

Depth = Literal["static", "interpreter", "launch"]
DEPTHS: tuple[Depth, ...] = get_args(Depth)
ABSENT = 3  # the status by which the probe says that there is no such module
PROBE = """
import importlib, importlib.metadata, importlib.util, sys
name = sys.argv[1]
top = name.partition(".")[0]
try:
    found = importlib.util.find_spec(name)
except ModuleNotFoundError:
    found = None
if found is None:
    sys.exit(3)
module = importlib.import_module(top)
try:
    print(importlib.metadata.version(top))
except importlib.metadata.PackageNotFoundError:
    print(getattr(module, "__version__", "of unknown version"))
"""
R_PROBE = 'if (!requireNamespace("IRkernel")) quit(status = 3); cat(as.character(packageVersion("IRkernel")), "\\n")'


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of checking one kernel: `state` ok or failed, the cause by its `code`, and what it printed.

    `seconds` are those that it took; after a launch that went well, those until the kernel was ready.
    """

    name: str
    environment: str
    depth: Depth
    state: Literal["ok", "failed"]
    code: str = ""
    reason: str = ""
    seconds: float = 0.0
    output: str = ""

    def plain(self) -> dict[str, Any]:
        """Give it as JSON types."""
        return asdict(self)


def sight_of(layout: Layout, tree: Path, description: Description | None = None) -> Sight:
    """Look at a tree as if it lay at the live path, with what is known of the version that it is."""
    place = Place(Path(os.path.realpath(tree)), layout.live)
    known = description.packages if description else {}
    jupyter = inventory.jupyter_environment(place.tree, _preferred(description))
    return Sight(place, layout.root, jupyter, layout.kernel_specs, description.externals if description else (), known)


def _preferred(description: Description | None) -> str:
    if description is None or not description.recipe_text:
        return ""
    try:
        environments = recipe.parse(description.recipe_text).environments
    except Refused:
        return ""  # a recipe of another time may be written in a way that is not read any more
    return next((item.path for item in environments if item.jupyter), "")


def check(
    kernel: Kernel, sight: Sight, guest: Sandbox, depth: Depth, *, stop: Stop, timeout: float = launch.TIMEOUT
) -> Verdict:
    """Check one kernel to a depth, of which each takes in what its files tell; it is run in `guest` as its owner.

    Raises Cancelled or Interrupted when `stop` says so.
    """
    stop.check()
    wrong = first_error(kernel.findings)
    if wrong is not None:
        return Verdict(kernel.name, kernel.environment, depth, "failed", wrong.code, wrong.message)
    if depth == "static":
        return Verdict(kernel.name, kernel.environment, depth, "ok")
    if depth == "interpreter":
        return _interpreter(kernel, sight, guest, stop, timeout)
    return _launch(kernel, sight, guest, timeout)


def _launch(kernel: Kernel, sight: Sight, guest: Sandbox, timeout: float) -> Verdict:
    directory = sight.place.inside(Path(kernel.directory))
    found = Found(kernel.name, kernel.environment, directory / "kernel.json")
    health = launch.launch(found, guest, timeout=timeout, path=_path(sight), program=_bare_python(kernel))
    state: Literal["ok", "failed"] = "ok" if health.healthy else "failed"
    seconds = round(health.seconds, 3)
    return Verdict(kernel.name, kernel.environment, "launch", state, health.code, health.reason, seconds, health.output)


def _bare_python(kernel: Kernel) -> str:
    """Give what Jupyter puts for a bare `python`: the interpreter that it runs in itself."""
    return kernel.interpreter if kernel.argv and "/" not in kernel.argv[0] else ""


def _path(sight: Sight) -> str:
    return str(sight.place.live / sight.jupyter / "bin") if sight.jupyter else ""


def _interpreter(kernel: Kernel, sight: Sight, guest: Sandbox, stop: Stop, timeout: float) -> Verdict:
    argv, needed = _question(kernel)
    env = {"PATH": f"{_path(sight)}:{process.base_environment()['PATH']}"} if _path(sight) else {}
    said: list[str] = []

    def hear(event: Event) -> None:
        if event.kind == "output" and len(said) < 200:
            said.append(event.text[:2000])

    started = time.monotonic()
    env |= kernel.env
    command = guest.command(argv, label=f"check {kernel.name}", env=env, cwd=Path("/tmp"), limit=timeout)  # noqa: S108 — private there
    code, reason = "", ""
    try:
        process.run(command, hear, stop)
    except TimedOut:
        code, reason = "hangs", f"{kernel.interpreter} did not end in {timeout:.0f} s."
    except CommandFailed as error:
        code, reason = _cause(error.status, kernel, needed)
    except Failed as error:
        code, reason = "missing-interpreter", str(error)
    if not needed and code in ("hangs", "import-fails"):
        code = ""  # it could be run; nobody promised that it knows the question
    seconds = round(time.monotonic() - started, 3)
    told = reason if code else _told(needed, said)
    verdict: Literal["ok", "failed"] = "failed" if code else "ok"
    return Verdict(kernel.name, kernel.environment, "interpreter", verdict, code, told, seconds, "\n".join(said))


def _told(needed: str, said: Sequence[str]) -> str:
    version = said[-1] if said else ""
    return f"{needed} {version}".strip() if needed else version[:200]


def _question(kernel: Kernel) -> tuple[list[str], str]:
    """Spell what is run to see whether the interpreter can carry the kernel, and name the package that it needs."""
    program = kernel.interpreter
    if Path(program).name.startswith("python"):
        module = _module(kernel.argv)
        needed = module.partition(".")[0]
        return ([program, "-c", PROBE, module], needed) if module else ([program, "--version"], "")
    if kernel.language.lower() == "r":
        return [program, "--slave", "-e", R_PROBE], "IRkernel"
    return [program, "--version"], ""


def _module(argv: Sequence[str]) -> str:
    """Name the module that a Python is told to run, "" for none; of ipykernel the package that does the work."""
    found = next((word for flag, word in pairwise(argv) if flag == "-m"), "")
    return "ipykernel" if found.startswith("ipykernel") else found


def _cause(status: int, kernel: Kernel, needed: str) -> tuple[str, str]:
    if status == ABSENT and needed == "ipykernel":
        return "no-ipykernel", f"ipykernel is not installed for {kernel.interpreter}."
    if status == ABSENT and needed:
        return "no-kernel-package", f"{needed} is not installed for {kernel.interpreter}."
    if status == 127:
        return "missing-interpreter", f"{kernel.interpreter} does not exist."
    if status == 126:
        return "not-executable", f"{kernel.interpreter} cannot be run."
    if status < 0 or status > 128:
        number = -status if status < 0 else status - 128
        return "crashes", f"{kernel.interpreter} was ended by signal {number}."
    return "import-fails", f"{needed or kernel.interpreter} cannot be loaded: see its output."
