"""Where the guests of a build run, in the sandbox or bare on the machine, and where they find things (design §7)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from stacks.engine import guest, sandbox
from stacks.engine.errors import Refused
from stacks.engine.gate import PORT, Gate
from stacks.engine.layout import Layout
from stacks.engine.masks import Mask
from stacks.engine.owner import Owner
from stacks.engine.process import Command, base_environment
from stacks.engine.sandbox import TOOLS, Sandbox, own_python

_OLDEST = 11  # minor version of the Python that our guest scripts need


@dataclass(frozen=True)
class Guard:
    """What holds the guests of one build to the machine's terms.

    `look` is that of a watch, `tasks` the number at which the kernel refuses more; through the `gate` guests reach the
    network, unless they share the machine's own; `netrc` is theirs to read while they do.
    """

    silence: float = 1800.0
    look: Callable[[int, str], None] = lambda *_: None
    mask: Mask = field(default_factory=Mask)
    tasks: int = 0
    gate: Gate | None = None
    shares_network: bool = False
    netrc: Path | None = None

    def over(self, command: Command) -> Command:
        """Give a guest's command as it is run under this guard."""
        return replace(command, silence=self.silence, look=self.look, mask=self.mask)


class Ground(Protocol):
    """Where guests run; `tree` is where they see the tree under construction, `cache` where the package caches."""

    @property
    def tree(self) -> Path: ...

    @property
    def cache(self) -> Path: ...

    @property
    def python(self) -> tuple[str, tuple[Path, ...]]:
        """Name a Python for our own scripts, and what must be readable for it."""
        ...

    @property
    def ends_guests(self) -> bool:
        """Tell whether no guest can outlive the command that it was run by."""
        ...

    @property
    def joining(self) -> str:
        """Spell the program that joins its input and output to a host and port given to it, "" where none is needed."""
        ...

    def offer(self, name: str, source: Path) -> str:
        """Let guests read a file or directory under a name of ours; gives back the path that they find it at."""
        ...

    def command(
        self,
        argv: Sequence[str],
        *,
        label: str,
        env: Mapping[str, str],
        readable: tuple[Path, ...] = (),
        apart: str = "",
        network: bool = False,
    ) -> Command:
        """Make the command that runs `argv` as the owner, in the tree under construction.

        With `apart`, the name of a directory that was offered, it runs there, may write there, and needs no tree. Only
        with `network` it reaches any, and has the secrets for that.
        """
        ...


@dataclass(frozen=True)
class _WayOut:
    """What a guest in the sandbox needs to reach the network: a program before it, files, variables, descriptors."""

    argv: tuple[str, ...] = ()
    readable: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    fds: tuple[int, ...] = ()


@dataclass
class Sandboxed:
    """The sandbox with the build area in the place of the root: the tree is at the live path, for guests alone."""

    layout: Layout
    owner: Owner
    lock_fds: tuple[int, ...] = ()
    guard: Guard = field(default_factory=Guard)
    tools: dict[str, Path] = field(default_factory=dict)

    @property
    def tree(self) -> Path:
        return self.layout.live

    @property
    def cache(self) -> Path:
        return self.layout.root / "cache"

    @property
    def python(self) -> tuple[str, tuple[Path, ...]]:
        base = Path(sys.base_prefix).resolve()
        return own_python(), () if base.is_relative_to("/usr") else (base,)

    def offer(self, name: str, source: Path) -> str:
        self.tools[name] = source
        return str(TOOLS / name)

    def command(
        self,
        argv: Sequence[str],
        *,
        label: str,
        env: Mapping[str, str],
        readable: tuple[Path, ...] = (),
        apart: str = "",
        network: bool = False,
    ) -> Command:
        guard, way_out = self.guard, self._way_out() if network else _WayOut()
        box = sandbox.for_build(
            self.layout,
            self.owner,
            readable=(*readable, *way_out.readable),
            lock_fds=self.lock_fds,
            tools=dict(self.tools),
        )
        if network:
            box = replace(box, netrc=guard.netrc, network=guard.shares_network)
        if apart:
            box = self._apart(box, apart)
        cwd = TOOLS / apart if apart else self.layout.live
        made = box.command([*way_out.argv, *argv], label=label, env={**env, **way_out.env}, cwd=cwd, tasks=guard.tasks)
        return guard.over(replace(made, pass_fds=(*made.pass_fds, *way_out.fds)))

    def _way_out(self) -> _WayOut:
        gate, netrc = self.guard.gate, {"NETRC": "/tmp/.netrc"} if self.guard.netrc else {}  # noqa: S108 — the build's
        if gate is None:
            return _WayOut(env=netrc)
        descriptor = gate.admit()
        program, needed = self.python
        argv = (program, "-I", "-S", self._through, str(descriptor), str(PORT))
        return _WayOut(argv, needed, netrc | gate.environment, (descriptor,))

    @property
    def _through(self) -> str:
        return self.offer("through.py", Path(guest.__file__).with_name("through.py"))

    @property
    def ends_guests(self) -> bool:
        return True

    @property
    def joining(self) -> str:
        program, _ = self.python
        return f"{program} -I -S {self._through} - {PORT}" if self.guard.gate else ""

    def _apart(self, box: Sandbox, name: str) -> Sandbox:
        tools = {known: place for known, place in self.tools.items() if known != name}
        return replace(box, shown=((self.tools[name], TOOLS / name),), tools=tools)


@dataclass
class Bare:
    """The machine as it is: guests run as the owner in a session and an environment of their own, and see all of it.

    `inputs` is a directory of the worker's that the owner can read; `tree` is where the tree under construction is.
    """

    layout: Layout
    owner: Owner
    inputs: Path
    tree: Path
    lock_fds: tuple[int, ...] = ()
    guard: Guard = field(default_factory=Guard)

    @property
    def cache(self) -> Path:
        return self.layout.cache

    @property
    def python(self) -> tuple[str, tuple[Path, ...]]:
        return reached_python(self.owner), ()

    @property
    def ends_guests(self) -> bool:
        return False

    @property
    def joining(self) -> str:
        return ""

    def offer(self, name: str, source: Path) -> str:
        place = self.inputs / name
        if place != source and not os.path.lexists(place):
            if place.parent != self.inputs:
                place.parent.mkdir(exist_ok=True)
                place.parent.chmod(0o755)
            is_reached = source.is_relative_to(self.inputs) or reaches(self.owner, source)
            _give(source, place, is_reached=is_reached)
        return str(place)

    def command(
        self,
        argv: Sequence[str],
        *,
        label: str,
        env: Mapping[str, str],
        readable: tuple[Path, ...] = (),
        apart: str = "",
        network: bool = False,
    ) -> Command:
        home, ends = str(self._home(network=network)), self.offer("ends.py", Path(guest.__file__).with_name("ends.py"))
        cwd = self.inputs / apart if apart else self.tree
        # A shell keeps the path that it was told, where that leads to its directory: no script sees where a link leads.
        own = {"TMPDIR": home, "PWD": str(cwd)}
        # The kernel forgets whose death ends a process when that changes its user: ends.py asks for it anew.
        ended = (self.python[0], "-I", "-S", ends, str(os.getpid()), str(self.guard.tasks))
        argv = [*sandbox.shed(), *sandbox.drop(self.owner), *ended, *argv]
        env = base_environment(home) | own | dict(env)
        return self.guard.over(Command(argv, label=label, env=env, cwd=cwd, pass_fds=self.lock_fds))

    def _home(self, *, network: bool) -> Path:
        place = self.inputs / "home"
        if not place.exists():
            place.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.lchown(place, self.owner.uid, self.owner.gid)
        place.joinpath(".netrc").unlink(missing_ok=True)
        if network and self.guard.netrc:
            place.joinpath(".netrc").symlink_to(self.guard.netrc)
        return place


def check(layout: Layout, owner: Owner) -> None:
    """Raise Refused, with what to do, when the owner could not run guests on the bare machine."""
    reached_python(owner)
    for place in (layout.root, Path(tempfile.gettempdir())):
        if place.is_dir() and not reaches(owner, place):
            raise Refused(
                f"The stack's owner (user {owner.uid}), as whom guests run without the sandbox, cannot reach {place}: "
                "let others read it and pass through the directories above it."
            )


def reached_python(owner: Owner) -> str:
    """Find a Python that the owner can start and that our scripts run with; raise Refused when there is none."""
    minors = [sys.version_info[1], *range(sys.version_info[1] + 5, _OLDEST - 1, -1)]
    for place in (Path(own_python()), *(Path(f"/usr/bin/python3.{minor}") for minor in minors)):
        if place.exists() and reaches(owner, place):
            return str(place)
    raise Refused(
        f"The stack's owner (user {owner.uid}) can reach neither {own_python()} nor a Python ≥ 3.{_OLDEST} in "
        "/usr/bin: install one with “apt install python3”."
    )


def reaches(owner: Owner, path: Path) -> bool:
    """Tell whether the owner can surely read a file or directory: it is this user, or everybody can."""
    if owner.is_self:
        return True
    real = path.resolve()
    return bool(real.stat().st_mode & 0o004) and all(place.stat().st_mode & 0o001 for place in real.parents)


def _give(source: Path, place: Path, *, is_reached: bool) -> None:
    if is_reached:
        os.symlink(source, place)
        return
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy2(source, place)
    for path in (place, *place.rglob("*")):
        path.chmod(0o755)  # our own programs and libraries, whatever mode keeps others from the original
