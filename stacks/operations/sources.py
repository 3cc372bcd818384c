"""Which machine gives a copy: one small rule, from what is known of those that have the version."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from stacks.engine.errors import Refused

PULLS = 2  # copies that one machine gives at once


@dataclass(frozen=True, slots=True)
class Holder:
    """A machine that has the version: how many copies it `gives` now, and whether others can and may ask it."""

    machine: str
    gives: int = 0
    is_heard: bool = True
    has_address: bool = True


def choose(holders: Collection[Holder], version: str, *, most: int = PULLS) -> str | None:
    """Name the machine to copy from: the one that gives the fewest copies, then by name; None while each gives `most`.

    Raises Refused, with the reason of each, when none can be asked.
    """
    usable = [holder for holder in holders if holder.is_heard and holder.has_address]
    if not usable:
        raise Refused(_nobody(holders, version))
    best = min(usable, key=lambda holder: (holder.gives, holder.machine))
    return best.machine if best.gives < most else None


def _nobody(holders: Collection[Holder], version: str) -> str:
    why = [f"{holder.machine} {_why(holder)}" for holder in sorted(holders, key=lambda one: one.machine)]
    if not why:
        return f"No other machine with the same live path has “{version}”: it cannot be copied."
    return f"“{version}” cannot be copied from any machine that has it: {'; '.join(why[:5])}."


def _why(holder: Holder) -> str:
    return "was not heard of lately" if holder.has_address else "has no address in its settings"
