"""Rebuild, solve, and what may be chosen when a version becomes active: checked before anything is submitted."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks import operations
from stacks.engine import versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation, RecipeRevision
from tests.stacks.conftest import Seal

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


def test_a_rebuild_needs_a_version_with_a_lockfile(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    for like, why in (("b", "does not exist"), ("a", "“a”")):
        with pytest.raises(Refused, match=why):
            operations.rebuild(machine=machine, like=like, requested_by=None)
    assert not Operation.objects.exists()


def test_a_rebuild_is_a_build_like_the_version(machine: Machine, sealed: Seal, recipe: RecipeRevision) -> None:
    sealed("a")
    layout = Layout(Path(machine.root))
    described = versions.need_sealed(layout, "a")
    known = {"recipe": "starter", "revision": 1, "recipe_text": recipe.text, "lockfile": {"anaconda3": "six==1.0\n"}}
    versions.store(
        layout, type(described)(**{**vars(described), **known}), versions.tree(layout, "a").manifest, replace=True
    )
    made = operations.rebuild(machine=machine, like="a", name="b", requested_by=None, reason="to compare")
    assert (made.kind, made.parameters["version"], made.parameters["like"], made.reason) == (
        "build", "b", "a", "to compare",
    )  # fmt: skip
    with pytest.raises(Refused, match="is busy"):
        operations.rebuild(machine=machine, like="a", name="c", requested_by=None)


def test_a_strategy_that_the_recipe_cannot_have_is_refused_early(machine: Machine, recipe: RecipeRevision) -> None:
    with pytest.raises(Refused, match="must be made at the live path itself"):
        operations.build(machine=machine, recipe_name="starter", strategy="prefix", requested_by=None)
    assert not Operation.objects.exists()


def test_a_solve_is_checked_and_submitted(machine: Machine, recipe: RecipeRevision) -> None:
    for asked, why in (({"recipe_name": "nosuch"}, "no recipe"), ({"options": ["nosuch"]}, "no option")):
        with pytest.raises(Refused, match=why):
            operations.solve(machine=machine, **{"recipe_name": "starter", "requested_by": None, **asked})  # type: ignore[arg-type]
    made = operations.solve(machine=machine, recipe_name="starter", options=["extensions"], requested_by=None)
    assert (made.kind, made.parameters["options"]) == ("solve", ["extensions"])


def test_an_override_is_kept_with_its_reason_only() -> None:
    with pytest.raises(Refused, match="give a reason"):
        operations.Choices(override_health=True).checked(" ")
    assert operations.Choices(override_health=True).checked("R is not used") == {"override_health": True}
    assert operations.Choices().checked("") == {}
    with pytest.raises(Refused, match="not “both”"):
        operations.Choices(externals="both").checked("")  # type: ignore[arg-type]
