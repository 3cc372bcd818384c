"""What every installer is given, and the two methods that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stacks.engine import process, sandbox
from stacks.engine.environments import Environment
from stacks.engine.events import Sink
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.sandbox import TOOLS
from stacks.engine.stop import Stop

SILENCE = 1800.0  # seconds; a solver or compiler may say nothing for long


@dataclass
class Site:
    """The place where a build goes on: the sandbox with the build area at the root, and where its output goes.

    `inputs` is a directory of our own with files that guests may read, at `sandbox.TOOLS`; guests write nothing there.
    """

    layout: Layout
    owner: Owner
    sink: Sink
    stop: Stop
    inputs: Path
    lock_fds: tuple[int, ...] = ()
    tools: dict[str, Path] = field(default_factory=dict)

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
    ) -> str:
        """Run a program inside; gives back its standard output when it is to be captured, else ""."""
        lines: list[str] = []
        guest = sandbox.for_build(self.layout, self.owner, readable=readable, lock_fds=self.lock_fds, tools=self.tools)
        command = guest.command(argv, label=label, env=env, cwd=self.layout.live, silence=SILENCE)
        process.run(command, self.sink, self.stop, stdout=lines.append if capture else None)
        return "".join(f"{line}\n" for line in lines)

    def prefix(self, environment: Environment) -> Path:
        """The environment's prefix: where it is at the live path, and where guests see it."""
        return self.layout.live / environment.path


class Installer(Protocol):
    """One way to make an environment; a new one is one module and one line in the registry."""

    def resolve(self, environment: Environment, site: Site) -> str:
        """Find out exactly what to install; gives back the lockfile, from which `install` does the same anywhere."""
        ...

    def install(self, environment: Environment, lockfile: str, site: Site) -> None:
        """Make the environment at its prefix from a lockfile, with bytecode compiled."""
        ...
