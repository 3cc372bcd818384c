"""One thing that provisioning ensures: the command that a root user would type for it, and the work itself."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stacks.engine.errors import Refused
from stacks.engine.events import Sink
from stacks.engine.owner import Owner
from stacks.engine.stop import Stop

Work = Callable[[Sink, Stop], None]


@dataclass(frozen=True, slots=True)
class Action:
    """`why` says what it ensures, `commands` are for a shell, `needed` and `permitted` are true now, for this user."""

    name: str
    title: str
    why: str
    commands: tuple[str, ...]
    needed: bool
    permitted: bool
    work: Work


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory to be, with its mode and owner."""

    place: Path
    mode: int
    owner: Owner

    def make(self) -> None:
        """Make it and its parents, or give what is there its mode and owner; raise Refused for what is no directory."""
        for parent in reversed(self.place.parents):
            if not parent.is_dir():
                parent.mkdir()
                parent.chmod(0o755)  # whatever the umask of whoever provisions
        if not os.path.lexists(self.place):
            self.place.mkdir(mode=0o700)
        try:
            descriptor = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except NotADirectoryError:
            raise Refused(f"{self.place} is not a directory: move it away, then provision again.") from None
        try:
            self._give(descriptor)
        finally:
            os.close(descriptor)

    def _give(self, descriptor: int) -> None:
        # By descriptor: a symlink that somebody puts in its place now is not followed.
        status = os.fstat(descriptor)
        if (status.st_uid, status.st_gid) != (self.owner.uid, self.owner.gid):
            os.fchown(descriptor, self.owner.uid, self.owner.gid)
        os.fchmod(descriptor, self.mode)


def install(directories: Sequence[Directory]) -> tuple[str, ...]:
    """Spell the commands that make directories, one for those of equal mode and owner."""
    groups: dict[tuple[int, Owner], list[str]] = {}
    for item in directories:
        groups.setdefault((item.mode, item.owner), []).append(str(item.place))
    return tuple(
        f"install -d -m {mode:o} -o {user(owner)} -g {group(owner)} {' '.join(places)}"
        for (mode, owner), places in groups.items()
    )


def write(place: Path, text: str) -> str:
    """Spell the command that writes a file."""
    return f"cat > {shlex.quote(str(place))} <<'END'\n{text.rstrip()}\nEND"


def user(owner: Owner) -> str:
    """Name the owner's user, by number where there is no such account."""
    try:
        return pwd.getpwuid(owner.uid).pw_name
    except KeyError:
        return str(owner.uid)


def group(owner: Owner) -> str:
    """Name the owner's group, by number where there is none."""
    try:
        return grp.getgrgid(owner.gid).gr_name
    except KeyError:
        return str(owner.gid)
