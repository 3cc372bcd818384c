"""Named failpoints, with no line of them in production code: the interpreter itself tells of every change it makes.

A point is “STEP: before”, “STEP: after”, or “STEP: links._replace before symlink”: the step of the plan, the function
of DLStack that changes something, and the change, of which Python tells right before it is made and right after.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from stacks.engine import durable

_NAMES = (
    *("rename", "replace", "symlink", "link", "mkdir", "rmdir", "unlink", "remove", "chmod", "fchmod", "chown"),
    *("lchown", "utime", "fsync", "write", "pwrite", "ftruncate", "setxattr"),
)
CHANGES: dict[object, str] = {getattr(os, name): name for name in _NAMES}
CHANGES[__import__("_posixsubprocess").fork_exec] = "fork"
# What goes through ctypes, of which Python does not tell.
_FUNCTIONS = {durable.sync_filesystem.__code__: "syncfs", durable.exchange.__code__: "exchange"}

Heard = Callable[[str], None]


class Points:
    """Tells `heard` of each point that is reached; an observer of a plan's steps too.

    What a thread does besides is not seen: steps run in the main one.
    """

    def __init__(self, heard: Heard, step: str = "") -> None:
        self._heard = heard
        self._step = step

    def watch(self) -> None:
        """Begin to listen, for as long as the process lives."""
        sys.setprofile(self._profile)

    def step_started(self, name: str) -> None:
        self._step = name
        self._heard(f"{name}: before")

    def step_finished(self, name: str, state: str) -> None:
        self._heard(f"{name}: {'after' if state == 'succeeded' else state}")

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        if event in ("c_call", "c_return"):
            change = CHANGES.get(argument) if argument.__class__ is _BUILTIN else None
            maker: FrameType | None = frame
        else:
            change, maker = _FUNCTIONS.get(frame.f_code), frame.f_back
        if change is not None and event != "c_exception" and (name := _maker(maker)):
            when = "before" if event in ("c_call", "call") else "after"
            self._heard(f"{self._step}: {name} {when} {change}")


_BUILTIN = type(os.rename)


def _maker(frame: FrameType | None) -> str:
    """Name the innermost function of DLStack on the stack, "" where there is none."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("stacks."):
            return f"{module.rpartition('.')[2]}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return ""


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def bomb(point: str, occurrence: int) -> Heard:
    """Make what kills this process when it reaches a point for the given time, counted from 1."""
    left = occurrence

    def heard(name: str) -> None:
        nonlocal left
        left -= name == point
        if left == 0:
            die()

    return heard


def countdown(changes: int) -> Heard:
    """Make what kills this process at its next but so many points."""
    left = changes

    def heard(_: str) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            die()

    return heard
