"""Where the guests of a build run, in the sandbox or bare on the machine, and where they find things (design §7)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from stacks.engine import guest, sandbox
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.process import Command, base_environment
from stacks.engine.sandbox import TOOLS, Sandbox, own_python

SILENCE = 1800.0  # seconds; a solver or compiler may say nothing for long
_OLDEST = 11  # minor version of the Python that our guest scripts need


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
    ) -> Command:
        """Make the command that runs `argv` as the owner, in the tree under construction.

        With `apart`, the name of a directory that was offered, it runs there, may write there, and needs no tree.
        """
        ...


@dataclass
class Sandboxed:
    """The sandbox with the build area in the place of the root: the tree is at the live path, for guests alone."""

    layout: Layout
    owner: Owner
    lock_fds: tuple[int, ...] = ()
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
    ) -> Command:
        box = sandbox.for_build(
            self.layout, self.owner, readable=readable, lock_fds=self.lock_fds, tools=dict(self.tools)
        )
        if apart:
            box = self._apart(box, apart)
        cwd = TOOLS / apart if apart else self.layout.live
        return box.command(argv, label=label, env=env, cwd=cwd, silence=SILENCE)

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

    @property
    def cache(self) -> Path:
        return self.layout.cache

    @property
    def python(self) -> tuple[str, tuple[Path, ...]]:
        return reached_python(self.owner), ()

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
    ) -> Command:
        home, ends = str(self._home()), self.offer("ends.py", Path(guest.__file__).with_name("ends.py"))
        cwd = self.inputs / apart if apart else self.tree
        # A shell keeps the path that it was told, where that leads to its directory: no script sees where a link leads.
        own = {"TMPDIR": home, "PWD": str(cwd)}
        # The kernel forgets whose death ends a process when that changes its user: ends.py asks for it anew.
        start = [*sandbox.shed(), *sandbox.drop(self.owner), self.python[0], "-I", "-S", ends, str(os.getpid()), "0"]
        return Command(
            [*start, *argv],
            label=label,
            env=base_environment(home) | own | dict(env),
            cwd=cwd,
            pass_fds=self.lock_fds,
            silence=SILENCE,
        )

    def _home(self) -> Path:
        place = self.inputs / "home"
        if not place.exists():
            place.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.lchown(place, self.owner.uid, self.owner.gid)
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
