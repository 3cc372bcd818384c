"""What a build will probably take, judged by past builds of the same recipe."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from stacks.models import Machine, Operation, Version

PAST = 15  # builds that are looked at, the latest


@dataclass(frozen=True, slots=True)
class Estimate:
    """The median of `builds` past builds: seconds, bytes of the tree, and bytes that no other version shares.

    `here` tells that they ran on this very machine.
    """

    builds: int
    seconds: float
    bytes: int
    own: int
    here: bool


def build(machine: Machine, recipe: str) -> Estimate | None:
    """Estimate a build of a recipe by what it took here, else elsewhere; None when it was never built."""
    past = Version.objects.filter(
        recipe_revision__recipe__name=recipe,
        operation__kind=Operation.Kind.BUILD,
        operation__state=Operation.State.SUCCEEDED,
        operation__started_at__isnull=False,
    ).order_by("-id")
    told = ("bytes", "unique_bytes", "generation", "operation__started_at", "operation__finished_at")
    here = list(past.filter(machine=machine).values_list(*told)[:PAST])
    found = here or list(past.values_list(*told)[:PAST])
    if not found:
        return None
    # The first version of a machine shares with nothing: it does not tell what one more takes.
    later = [row for row in found if row[2] > 1] or found
    return Estimate(
        builds=len(found),
        seconds=statistics.median((ended - started).total_seconds() for *_, started, ended in found),
        bytes=int(statistics.median(row[0] for row in later)),
        own=int(statistics.median(row[1] for row in later)),
        here=bool(here),
    )
