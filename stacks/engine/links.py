"""The live path and the backing link: reading them, and switching them without an instant in between (invariant 2)."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from stacks.engine import durable, reserve
from stacks.engine.errors import Failed, Refused
from stacks.engine.layout import STATE


def target(link: Path) -> str | None:
    """Read what a link says, None when there is nothing; raise Refused when something else than a link is there."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return None
    except OSError:
        raise Refused(f"{link} is not a symlink: move it away, or take it over with “adopt”.") from None


def switch(link: Path, to: str, *, tree: Path) -> None:
    """Point `link` at `to`, durably and without an instant in which it is missing.

    `tree` is the tree that the link will lead to; its filesystem is flushed first. Raises Refused when `tree` is not a
    directory or `link` is not a symlink, and Failed when the link reads differently afterwards.
    """
    if not tree.is_dir():
        raise Refused(f"{tree} is not a directory: nothing can be pointed at it.")
    target(link)
    durable.sync_filesystem(tree)
    _replace(link, to)
    durable.sync_directory(link.parent)
    if (found := target(link)) != to:
        raise Failed(f"{link} was set to {to} but reads {found}: something else changes it. Nothing more was done.")


def put_back(link: Path, to: str | None) -> None:
    """Make `link` say durably what it said before, None for nothing; what it leads to need not be there any more.

    Raises Refused when `link` is not a symlink, and Failed when it reads differently afterwards.
    """
    target(link)
    if to is None:
        link.unlink(missing_ok=True)
    else:
        tree = link.parent / to
        if tree.is_dir():
            durable.sync_filesystem(tree)
        _replace(link, to)
    durable.sync_directory(link.parent)
    if (found := target(link)) != to:
        raise Failed(f"{link} was set back to {to} but reads {found}: something else changes it.")


def _replace(link: Path, to: str) -> None:
    aside = durable.temporary_name(link)
    reserve.insist(link.parent / STATE, partial(os.symlink, to, aside))
    try:
        os.rename(aside, link)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def sweep(directory: Path) -> list[Path]:
    """Remove links that a killed switch left beside the real ones; give back what was removed."""
    stale = [path for path in directory.iterdir() if durable.is_temporary(path.name) and path.is_symlink()]
    for path in stale:
        path.unlink(missing_ok=True)
    return stale
