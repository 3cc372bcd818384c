"""The system calls that change a machine, as strace tells of them, and how each is picked out of all the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    *("rename", "renameat", "renameat2", "symlink", "symlinkat", "link", "linkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "open", "openat", "creat", "write", "writev", "pwrite64"),
    *("fsync", "fdatasync", "syncfs", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat"),
    *("utimensat", "truncate", "ftruncate", "fallocate", "copy_file_range", "setxattr", "lsetxattr", "fsetxattr"),
)
TRACED = ",".join(f"?{name}" for name in NAMES)
_CALL = re.compile(r"(?:(\d+)\s+)?(\w+)\((.*)")
_PATH = re.compile(r'"((?:[^"\\]|\\.)+)"|<(/[^<>]+)>')
_OPENS_TO_WRITE = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")


@dataclass(frozen=True)
class Call:
    """One call: of the command itself (program 0) or of a program that it started, in a process of that; its paths.

    One that opens a file only to read it is no change.
    """

    program: int
    process: int
    name: str
    number: int
    paths: tuple[str, ...]
    is_change: bool = True

    @property
    def label(self) -> str:
        """Name it so that it is known again in another run, of which strace may have told only in part."""
        return f"{self.program} {self.name} {' '.join(self.paths)}"


@dataclass(frozen=True)
class Choice:
    """How a call of a program is picked: the so-manieth of its name in any process, or of those that name `path`."""

    program: int
    name: str
    number: int
    path: str = ""


def read(lines: Iterable[str], program: int) -> list[Call]:
    """Read every call of a program's trace, in the order in which they began."""
    order: dict[str, int] = {}
    count: Counter[tuple[int, str]] = Counter()
    found = []
    for match in filter(None, map(_CALL.match, lines)):
        process = order.setdefault(match[1] or "", len(order))
        count[process, match[2]] += 1
        arguments = match[3].rpartition(" = ")[0] or match[3]
        paths = tuple(one or other for one, other in _PATH.findall(arguments))
        is_change = match[2] not in ("open", "openat") or bool(_OPENS_TO_WRITE.search(arguments))
        found.append(Call(program, process, match[2], count[process, match[2]], paths, is_change))
    return found


def changing(calls: Sequence[Call], places: Sequence[Path]) -> list[Call]:
    """Pick those that change something below the places; rsync, which works in one, names paths in it alone."""
    return [call for call in calls if call.is_change and _is_below(call, places)]


def _is_below(call: Call, places: Sequence[Path]) -> bool:
    if any(Path(path).is_relative_to(place) for path in call.paths for place in places):
        return True
    # bubblewrap makes the root of the namespace in which rsync works.
    relative = call.paths and not any(path.startswith(("/", "newroot", "oldroot")) for path in call.paths)
    return call.program > 0 and bool(relative)


def choices(calls: Sequence[Call], wanted: Call) -> list[Choice]:
    """Give the ways to pick a call that pick no other before it, the surest first: fewer calls name a longer path."""
    ways = []
    for path in sorted(set(wanted.paths), key=len, reverse=True):
        like = [call for call in calls if _kind(call) == _kind(wanted) and path in call.paths]
        ways.append(Choice(wanted.program, wanted.name, like.index(wanted) + 1, path))
    ways.append(Choice(wanted.program, wanted.name, wanted.number))
    return [way for way in ways if first(calls, way) == wanted]


def _kind(call: Call) -> tuple[int, int, str]:
    return (call.program, call.process, call.name)


def first(calls: Sequence[Call], way: Choice) -> Call | None:
    """Tell which call a choice picks, in a run that goes as the traced one did."""
    count: Counter[int] = Counter()
    for call in calls:
        if (call.program, call.name) == (way.program, way.name) and (not way.path or way.path in call.paths):
            count[call.process] += 1
            if count[call.process] == way.number:
                return call
    return None


def hit(lines: Sequence[str], way: Choice) -> Call | None:
    """Tell which call of a run a choice picked: it was made to fail, or killed its process; None where none was."""
    ends = [at for at, line in enumerate(lines) if "(INJECTED)" in line or "+++ killed by SIGKILL +++" in line]
    for at in ends:  # those that die with their parent are told of too
        begun = [line for line in lines[: at + 1] if _CALL.match(line)]
        own = [number for number, line in enumerate(begun) if _process(line) == _process(lines[at])]
        calls = read(begun, way.program)
        if own and first(calls, way) == calls[own[-1]]:
            return calls[own[-1]]
    return None


def _process(line: str) -> str:
    found = re.match(r"\d+", line)
    return found[0] if found else ""
