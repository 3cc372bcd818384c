"""What every installer is given, and what it has."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stacks.engine import guest, process, sandbox
from stacks.engine.environments import Environment
from stacks.engine.events import Sink
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.sandbox import TOOLS
from stacks.engine.stop import Stop

SILENCE = 1800.0  # seconds; a solver or compiler may say nothing for long
Hear = Callable[[str], None]


@dataclass
class Site:
    """The place where a build goes on: the sandbox with the build area at the root, and where its output goes.

    `inputs` is a directory of our own with files that guests may read, at `sandbox.TOOLS`; guests write nothing there.
    `kernel_dir` is the kernelspec directory that the build was given; `advance` is told done, total and unit.
    """

    layout: Layout
    owner: Owner
    sink: Sink
    stop: Stop
    inputs: Path
    lock_fds: tuple[int, ...] = ()
    tools: dict[str, Path] = field(default_factory=dict)
    kernel_dir: str = ""
    advance: Callable[[int, int, str], None] = lambda *_: None

    def hand_in(self, name: str, content: str) -> str:
        """Give the guests a file; returns the path that they find it at."""
        path = self.inputs / name
        path.write_text(content)
        path.chmod(0o644)
        self.tools[name] = path
        return str(TOOLS / name)

    def run(
        self,
        argv: Sequence[str],
        *,
        label: str,
        env: Mapping[str, str] | None = None,
        readable: tuple[Path, ...] = (),
        capture: bool = False,
        hear: Hear | None = None,
    ) -> str:
        """Run a program inside; gives back its standard output when it is to be captured, else "".

        `hear` is given the lines of standard output as they come, instead of the log.
        """
        lines: list[str] = []
        guest = sandbox.for_build(self.layout, self.owner, readable=readable, lock_fds=self.lock_fds, tools=self.tools)
        command = guest.command(argv, label=label, env=env, cwd=self.layout.live, silence=SILENCE)
        process.run(command, self.sink, self.stop, stdout=lines.append if capture else hear)
        return "".join(f"{line}\n" for line in lines)

    def run_own(
        self,
        script: str,
        orders: Mapping[str, object],
        *,
        label: str,
        readable: tuple[Path, ...] = (),
        capture: bool = False,
        hear: Hear | None = None,
    ) -> str:
        """Run one of our guest scripts inside, with the Python that runs this process; else like `run`."""
        argv, interpreter = self.own_script(script, orders)
        return self.run(argv, label=label, readable=(*readable, *interpreter), capture=capture, hear=hear)

    def own_script(self, script: str, orders: Mapping[str, object]) -> tuple[list[str], tuple[Path, ...]]:
        """Hand in a guest script and its orders; gives its argument list and what must be readable for it."""
        self.tools[script] = Path(guest.__file__).with_name(script)
        given = self.hand_in("orders.json", json.dumps(orders))
        return [own_python(), "-I", str(TOOLS / script), given], own_base()

    def prefix(self, environment: Environment) -> Path:
        """The environment's prefix: where it is at the live path, and where guests see it."""
        return self.layout.live / environment.path


def own_python() -> str:
    """The interpreter below the virtual environment that this process runs in, as guests see it."""
    return str(Path(sys.base_prefix).resolve() / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")


def own_base() -> tuple[Path, ...]:
    """What guests must be shown to run that interpreter; also where the owner could not get to it outside."""
    base = Path(sys.base_prefix).resolve()
    return () if base.is_relative_to("/usr") else (base,)


class Installer(Protocol):
    """One way to make an environment; a new one is one module and one line in the registry.

    `fields` names the fields of a recipe's environment that it takes, `needed` those that may not be empty.
    """

    @property
    def fields(self) -> tuple[str, ...]: ...

    @property
    def needed(self) -> tuple[str, ...]: ...

    def check(self, environment: Environment) -> None:
        """Raise Refused when something of this machine that the environment needs is not there."""
        ...

    def resolve(self, environment: Environment, site: Site) -> str:
        """Find out exactly what to install; gives back the lockfile, from which `install` does the same anywhere."""
        ...

    def install(self, environment: Environment, lockfile: str, site: Site) -> int:
        """Make the environment at its prefix from a lockfile, with bytecode compiled.

        Gives back how many lines of output looked like errors although nothing failed.
        """
        ...
