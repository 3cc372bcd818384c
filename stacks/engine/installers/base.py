"""What every installer is given, and what it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Required, TypedDict, Unpack

from stacks.engine import guest, process
from stacks.engine.environments import Environment
from stacks.engine.events import Sink
from stacks.engine.grounds import Ground
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.stop import Stop

Hear = Callable[[str], None]


class How(TypedDict, total=False):
    """How a guest is run: its output is captured, or heard line by line, not logged; the rest is the ground's."""

    label: Required[str]
    env: Mapping[str, str]
    readable: tuple[Path, ...]
    apart: str
    network: bool
    capture: bool
    hear: Hear | None


@dataclass
class Site:
    """The place where a build goes on: the ground that its guests run on, and where their output goes.

    `inputs` is a directory of our own for files that guests may read; `building` is where the tree under construction
    is for this process. `kernel_dir` is the kernelspec directory that the build was given; `advance` is told done,
    total and unit.
    """

    layout: Layout
    owner: Owner
    sink: Sink
    stop: Stop
    inputs: Path
    ground: Ground
    building: Path
    kernel_dir: str = ""
    advance: Callable[[int, int, str], None] = lambda *_: None

    def hand_in(self, name: str, content: str) -> str:
        """Give the guests a file; returns the path that they find it at."""
        path = self.inputs / name
        path.write_text(content)
        path.chmod(0o644)
        return self.ground.offer(name, path)

    def run(self, argv: Sequence[str], **how: Unpack[How]) -> str:
        """Run a guest; gives back its standard output when it is to be captured, else ""."""
        lines: list[str] = []
        command = self.ground.command(
            argv,
            label=how["label"],
            env=how.get("env", {}),
            readable=how.get("readable", ()),
            apart=how.get("apart", ""),
            network=how.get("network", False),
        )
        heard = lines.append if how.get("capture") else how.get("hear")
        process.run(command, self.sink, self.stop, stdout=heard)
        return "".join(f"{line}\n" for line in lines)

    def run_own(self, script: str, orders: Mapping[str, object], **how: Unpack[How]) -> str:
        """Run one of our guest scripts with a Python of the ground; else like `run`."""
        python, needed = self.ground.python
        argv = [python, "-I", self.own_script(script), self.hand_in("orders.json", json.dumps(orders))]
        how["readable"] = (*how.get("readable", ()), *needed)
        return self.run(argv, **how)

    def own_script(self, script: str) -> str:
        """Hand in one of our guest scripts; returns the path that guests find it at."""
        return self.ground.offer(script, Path(guest.__file__).with_name(script))

    def prefix(self, environment: Environment) -> Path:
        """The environment's prefix: the path that is baked into it."""
        return self.layout.live / environment.path

    def place(self, environment: Environment) -> Path:
        """Where guests see the environment while it is made: at its prefix, wherever that can be."""
        return self.ground.tree / environment.path


class Installer(Protocol):
    """One way to make an environment; a new one is one module and one line in the registry.

    `fields` names the fields of a recipe's environment that it takes, `needed` those that may not be empty.
    `compiled_last`: it leaves the modules to be compiled after all guests, by the machine's Python.
    """

    @property
    def fields(self) -> tuple[str, ...]: ...

    @property
    def needed(self) -> tuple[str, ...]: ...

    @property
    def compiled_last(self) -> bool: ...

    def check(self, environment: Environment) -> None:
        """Raise Refused when something of this machine that the environment needs is not there."""
        ...

    def resolve(self, environment: Environment, site: Site) -> str:
        """Find out exactly what to install; gives back the lockfile, from which `install` does the same anywhere."""
        ...

    def install(self, environment: Environment, lockfile: str, site: Site) -> int:
        """Make the environment at its prefix from a lockfile, compiled unless that comes last.

        Gives back how many lines of output looked like errors although nothing failed.
        """
        ...

    def packages(self, lockfile: str) -> dict[str, str] | None:
        """Read {package: version} from a lockfile, None where only the installation can tell.

        Raises Refused for what is no lockfile of this installer.
        """
        ...
