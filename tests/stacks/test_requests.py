"""Build, deploy and revert as people ask for them: what is checked before anything is submitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from stacks import activations, operations
from stacks.engine import resident, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation, RecipeRevision
from tests.stacks.conftest import Seal, activate

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


def build(machine: Machine, **rest: Any) -> Operation:
    return operations.build(machine=machine, **{"recipe_name": "starter", "requested_by": None, **rest})


def make_active(machine: Machine, name: str) -> None:
    """Make a version active on disk as far as links tell, with an empty copy in the ramdisk."""
    layout = Layout(Path(machine.root))
    description = versions.need_sealed(layout, name)
    layout.resident(name).mkdir()
    versions.mark(layout.resident(name), description)
    resident.activate(layout, name)


def test_build_freezes_what_was_asked(machine: Machine, recipe: RecipeRevision, operator: User, tmp_path: Path) -> None:
    operation = build(
        machine,
        name="a",
        options=["extensions", "extensions"],
        kernel_dir=str(tmp_path),
        deploy=True,
        requested_by=operator,
    )
    machine.refresh_from_db()
    assert operation.parameters == {
        "version": "a",
        "generation": 1,
        "recipe": "starter",
        "revision": 1,
        "recipe_text": recipe.text,
        "options": ["extensions"],
        "kernel_dir": str(tmp_path),
        "strategy": "sandbox",
        "deploy": True,
    }
    assert machine.generation == 1


def test_generations_only_grow(machine: Machine, recipe: RecipeRevision) -> None:
    for expected in (1, 2, 3):
        operation = build(machine)
        assert operation.parameters["generation"] == expected
        operations.request_cancel(operation=operation, by=None)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"recipe_name": "nosuch"}, "There is no recipe “nosuch”; there are: starter"),
        ({"options": ["nosuch"]}, "no option “nosuch”; it has: extensions"),
        ({"name": "../x"}, "cannot name a version"),
        ({"name": "hdd"}, "is the name of a path"),
        ({"name": "x\n"}, "cannot name a version"),
        ({"strategy": "magic"}, "There is no strategy “magic”; there are: sandbox"),
        ({"kernel_dir": "relative"}, "must be an absolute path"),
        ({"kernel_dir": "/no/such/directory"}, "does not exist on local"),
    ],
)
def test_build_refuses(machine: Machine, recipe: RecipeRevision, asked: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        build(machine, **asked)
    machine.refresh_from_db()
    assert (Operation.objects.count(), machine.generation) == (0, 0)


def test_a_name_is_taken_on_disk_and_on_record(machine: Machine, recipe: RecipeRevision, sealed: Seal) -> None:
    sealed("a")
    Layout(Path(machine.root)).version("found").mkdir()
    for name in ("a", "found"):
        with pytest.raises(Refused, match=f"The name “{name}” is taken on local: choose another, for example"):
            build(machine, name=name)


def test_a_name_is_proposed(machine: Machine, recipe: RecipeRevision, sealed: Seal) -> None:
    today = timezone.localdate().isoformat()
    assert operations.propose_name(machine) == today
    sealed(today)
    Layout(Path(machine.root)).version(f"{today}.2").mkdir()
    assert operations.propose_name(machine) == f"{today}.3"
    assert build(machine).parameters["version"] == f"{today}.3"


def test_on_another_machine_what_was_seen_last_counts(elsewhere: Machine, recipe: RecipeRevision) -> None:
    elsewhere.observed = {"versions": [{"name": "a", "sealed": True}], "active": None, "resident": []}
    elsewhere.save()
    with pytest.raises(Refused, match="is taken"):
        build(elsewhere, name="a")
    assert operations.deploy(machine=elsewhere, version="a", requested_by=None).parameters == {"version": "a"}
    with pytest.raises(Refused, match="is another machine"):
        operations.preview(machine=elsewhere, kind="deploy", parameters={"version": "a"})


def test_deploy_needs_a_sealed_version(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    Layout(Path(machine.root)).version("half").mkdir()
    for name, why in (
        ("half", "is not sealed on local. Sealed are: a"),
        ("b", "does not exist"),
        ("../a", "cannot name"),
    ):
        with pytest.raises(Refused, match=why):
            operations.deploy(machine=machine, version=name, requested_by=None)


def test_deploy_of_what_is_active_is_refused(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    make_active(machine, "a")
    with pytest.raises(Refused, match="already active"):
        operations.deploy(machine=machine, version="a", requested_by=None)


def test_deploy_again_where_the_backing_link_differs(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    make_active(machine, "a")
    Layout(Path(machine.root)).backing.unlink()
    assert operations.deploy(machine=machine, version="a", requested_by=None).kind == "deploy"


def test_preview_makes_the_plan_and_changes_nothing(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    plan = operations.preview(machine=machine, kind="deploy", parameters={"version": "a"})
    assert "“a”" in plan.summary
    assert [step.name for step in plan.steps][:2] == ["preflight", "stage"]
    assert Operation.objects.count() == 0


def test_revert_target_is_the_last_healthy_other_version(machine: Machine, sealed: Seal) -> None:
    a, b, c = sealed("a"), sealed("b"), sealed("c")
    assert activations.revert_target(machine) is None
    activate(a)
    assert activations.revert_target(machine) is None
    activate(b, healthy=False)
    activate(c, healthy=None)
    assert activations.revert_target(machine) == a
    activate(b)
    activate(c)
    assert activations.revert_target(machine) == b
    activate(b)
    assert activations.revert_target(machine) == c
    c.removed_at = timezone.now()
    c.save()
    assert activations.revert_target(machine) == a


def test_revert_goes_to_the_target(machine: Machine, sealed: Seal, operator: User) -> None:
    with pytest.raises(Refused, match="no earlier healthy version on local"):
        operations.revert(machine=machine, requested_by=None)
    activate(sealed("a"))
    activate(sealed("b"))
    operation = operations.revert(machine=machine, requested_by=operator, reason="b breaks plots")
    assert (operation.kind, operation.parameters, operation.reason) == ("revert", {"version": "a"}, "b breaks plots")


def test_revert_to_what_was_never_healthy_is_refused(machine: Machine, sealed: Seal) -> None:
    activate(sealed("a"))
    activate(sealed("b"))
    sealed("c")
    with pytest.raises(Refused, match="was never active and healthy on local: deploy it instead"):
        operations.revert(machine=machine, version="c", requested_by=None)


def test_revert_to_what_is_active_is_refused(machine: Machine, sealed: Seal) -> None:
    activate(sealed("a"))
    make_active(machine, "a")
    with pytest.raises(Refused, match="already active"):
        operations.revert(machine=machine, version="a", requested_by=None)


def test_a_name_that_is_being_built_is_taken(machine: Machine, recipe: RecipeRevision) -> None:
    today = timezone.localdate().isoformat()
    build(machine)
    assert operations.propose_name(machine) == f"{today}.2"
