"""What a build will take, by those that were."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from stacks import estimates
from stacks.models import Machine, Operation, RecipeRevision, Version


def built(machine: Machine, recipe: RecipeRevision, *, took: int, own: int, state: str = "succeeded") -> None:
    now = timezone.now()
    machine.generation += 1
    operation = Operation.objects.create(
        machine=machine, kind="build", lane="build", state=state, started_at=now - timedelta(seconds=took),
        finished_at=now,
    )  # fmt: skip
    Version.objects.create(
        machine=machine, name=f"v{machine.generation}", uuid=uuid4(), generation=machine.generation, files=1,
        recipe_revision=recipe, operation=operation, bytes=1000 + own, unique_bytes=own, manifest_digest="",
        sealed_at=now,
    )  # fmt: skip


def test_the_median_of_what_was_built_here(machine: Machine, elsewhere: Machine, recipe: RecipeRevision) -> None:
    for took, own in ((90, 1000), (30, 100), (50, 120), (40, 140)):
        built(machine, recipe, took=took, own=own)
    built(elsewhere, recipe, took=900, own=900)
    assert estimates.build(machine, "starter") == estimates.Estimate(4, 45.0, 1120, 120, here=True)


def test_else_of_what_was_built_elsewhere(machine: Machine, elsewhere: Machine, recipe: RecipeRevision) -> None:
    built(elsewhere, recipe, took=10, own=5)
    assert estimates.build(machine, "starter") == estimates.Estimate(1, 10.0, 1005, 5, here=False)


def test_nothing_is_known_of_what_never_succeeded(machine: Machine, recipe: RecipeRevision) -> None:
    built(machine, recipe, took=10, own=5, state="failed")
    assert estimates.build(machine, "starter") is None
    assert estimates.build(machine, "none") is None
