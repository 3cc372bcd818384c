"""Every error the engine raises; the message tells the operator what happened and what to do.

EngineError
├── Refused            nothing was changed: bad input or an unmet precondition (exit status 2)
│   ├── NoRoom         it would not fit: bytes, inodes or memory are lacking
│   └── NothingToDo    it is already as was asked for (exit status 0 where asking again is usual)
├── Failed             the work was begun, failed and was undone (exit status 1)
│   ├── CommandFailed  a program ended with a status other than 0
│   ├── TimedOut       a program was silent or ran for too long
│   ├── CutOff         another machine cannot be reached, or not any more
│   ├── Unreadable     a path of a tree cannot be read
│   ├── Exceeded       a build took more of the machine than it may
│   └── VerifyFailed   a tree does not agree with its manifest
│       └── Damaged    a copy of a version cannot be read, or is not what was sealed
└── Stopped            the work was ended on request and undone
    ├── Cancelled      by an operator
    └── Interrupted    by the end of the worker or of the machine
"""

from __future__ import annotations

from collections.abc import Iterator


class EngineError(Exception):
    """Root of the errors below."""


class Refused(EngineError):  # noqa: N818 — a state of the world in the design's words
    """A request that cannot be carried out as asked; nothing was changed."""


class NoRoom(Refused):
    """What was asked for would not fit on a filesystem or into memory; the message has the numbers."""


class NothingToDo(Refused):
    """What was asked for is so already: after a boot, or when a machine is provisioned again."""


class Failed(EngineError):  # noqa: N818 — a state of the world in the design's words
    """Work that was begun and failed; its changes were undone."""


class CommandFailed(Failed):
    """A program ended with a status other than 0."""

    def __init__(self, message: str, *, status: int, program: str) -> None:
        super().__init__(message)
        self.status = status
        self.program = program


class TimedOut(Failed):
    """A program was silent or ran for longer than allowed."""


class CutOff(Failed):
    """Another machine cannot be reached, or not any more; what came before is kept for the next try."""


class Unreadable(Failed):
    """A path of a tree cannot be read: its disk fails, it is closed to us, or it went away meanwhile."""

    def __init__(self, message: str, *, number: int) -> None:
        super().__init__(message)
        self.number = number  # of the system's error, as in `errno`


class Exceeded(Failed):
    """A build took more memory, tasks, time or room than the machine allows, and was ended."""


class VerifyFailed(Failed):
    """A tree does not agree with its manifest."""


class Damaged(VerifyFailed):
    """A copy of a version cannot be read any more, or is not what was sealed; the message names it and what to do."""


class Stopped(EngineError):  # noqa: N818 — a state of the world in the design's words
    """Work that was ended on request; its changes were undone."""


class Cancelled(Stopped):
    """An operator asked for the end."""


class Interrupted(Stopped):
    """The worker or the machine was about to end."""


def with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error, what it was raised from, and so on; each once, since an error can be raised from itself."""
    known: set[int] = set()
    while error is not None and id(error) not in known:
        known.add(id(error))
        yield error
        error = error.__cause__
