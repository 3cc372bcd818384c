"""Keeping in use until the end of a plan what it reads, and works out, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar, cast

T = TypeVar("T")
_Key = tuple[object, ...]
_kept: ContextVar[dict[_Key, object] | None] = ContextVar("_kept", default=None)


@contextmanager
def until_the_end() -> Iterator[None]:
    """Keep things while the block runs; within another such block, until the end of that."""
    if _kept.get() is not None:
        yield
        return
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def keep(thing: object) -> None:
    """Keep a thing in use, where things are kept."""
    if (kept := _kept.get()) is not None:
        kept[id(thing),] = thing


def once(name: str, about: Sequence[object], work_out: Callable[[], T]) -> T:
    """Work something out about objects that never change, or give what was worked out while things are kept."""
    kept = _kept.get()
    if kept is None:
        return work_out()
    key = (name, *map(id, about))
    if key not in kept:
        kept[key] = about, work_out()  # the objects too, or another could come to have the id of one
    return cast("tuple[object, T]", kept[key])[1]
