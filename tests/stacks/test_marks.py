"""A frozen machine and a version that is marked bad: what they forbid, and what they never stand in the way of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from kernels import requests
from stacks import activations, history, marks, operations, records, running
from stacks.engine import journal
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.models import Activation, Event, Machine, Operation, RecipeRevision, Version
from stacks.operations.schedule import SCHEDULED
from tests.stacks import tiny
from tests.stacks.conftest import Seal, activate
from tests.stacks.test_requests import make_active

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


@pytest.fixture
def two(machine: Machine, sealed: Seal) -> tuple[Version, Version]:
    """Two versions that were active one after the other; the second is."""
    first, second = sealed("a"), sealed("b")
    activate(first)
    activate(second)
    make_active(machine, "a")
    make_active(machine, "b")
    return first, second


def mark(version: Version, by: User | None = None) -> None:
    marks.mark_bad(version=version, by=by, reason="plots are empty")


def test_a_freeze_is_told_with_who_and_why(machine: Machine, operator: User) -> None:
    assert marks.frozen(machine) == ""
    marks.freeze(machine=machine, by=operator, reason=" until the\nrelease ")
    said = marks.frozen(machine)
    assert said.startswith("local is frozen since ")
    assert said.endswith(" UTC by operator: “until the release”.")
    with pytest.raises(Refused, match=r"local is frozen since .* by operator: .* Nothing was changed"):
        marks.freeze(machine=machine, by=None, reason="again")
    marks.unfreeze(machine=machine, by=None, reason="released")
    assert (machine.frozen_since, machine.frozen_by, machine.frozen_reason) == (None, None, "")
    with pytest.raises(Refused, match="is not frozen"):
        marks.unfreeze(machine=machine, by=None, reason="again")
    assert [(event.kind, event.text, event.by) for event in Event.objects.order_by("pk")] == [
        ("freeze", "Deploys are frozen: until the release", operator),
        ("unfreeze", "Deploys are free again: released", None),
    ]


@pytest.mark.parametrize("reason", ["", "  \n", "\x00", "x" * 501])
def test_a_reason_is_needed(machine: Machine, sealed: Seal, reason: str) -> None:
    row = sealed("a")
    activate(row)
    for change in (marks.freeze, marks.unfreeze):
        with pytest.raises(Refused, match="reason"):
            change(machine=machine, by=None, reason=reason)
    for about in (marks.mark_bad, marks.clear):
        with pytest.raises(Refused, match="reason"):
            about(version=row, by=None, reason=reason)
    with pytest.raises(Refused, match="reason"):
        operations.revert(machine=machine, version="a", mark_bad=True, requested_by=None, reason=reason)
    assert not Event.objects.exists()


def test_what_a_freeze_refuses(machine: Machine, two: tuple[Version, Version], recipe: RecipeRevision) -> None:
    marks.freeze(machine=machine, by=None, reason="exam week")
    asked: dict[str, Any] = {"machine": machine, "requested_by": None}
    for refused in (
        lambda: operations.deploy(version="a", **asked),
        lambda: operations.discard(**asked),
        lambda: operations.build(recipe_name="starter", deploy=True, **asked),
        lambda: requests.install(kernel="x", **asked),
        lambda: requests.remove(kernel="x", **asked),
        lambda: operations.preview(machine=machine, kind="deploy", parameters={"version": "a"}),
    ):
        with pytest.raises(Refused, match=r"by the command line: “exam week”.*unfreeze local first"):
            refused()
    assert not Operation.objects.exists()
    assert operations.revert(**asked).kind == "revert"
    assert operations.backup(**asked).kind == "backup"


def test_a_restore_is_never_frozen(elsewhere: Machine) -> None:
    marks.freeze(machine=elsewhere, by=None, reason="exam week")
    assert operations.restore(machine=elsewhere, requested_by=None).kind == "restore"


def test_a_retry_is_frozen_too(machine: Machine, two: tuple[Version, Version]) -> None:
    failed = Operation.objects.create(
        machine=machine, kind="deploy", lane="live", state="failed", finished_at=Now(), parameters={"version": "a"}
    )
    marks.freeze(machine=machine, by=None, reason="exam week")
    with pytest.raises(Refused, match="exam week"):
        operations.retry(operation=failed, by=None)


def test_no_scheduled_backup_of_a_frozen_machine(elsewhere: Machine) -> None:
    elsewhere.backup_every = 1
    elsewhere.save()
    marks.freeze(machine=elsewhere, by=None, reason="exam week")
    assert operations.back_up_due() == []
    marks.unfreeze(machine=elsewhere, by=None, reason="over")
    assert [operation.reason for operation in operations.back_up_due()] == [SCHEDULED]


def test_what_was_queued_before_the_freeze_is_refused_when_it_begins(
    machine: Machine, two: tuple[Version, Version]
) -> None:
    deploy = operations.deploy(machine=machine, version="a", requested_by=None)
    marks.freeze(machine=machine, by=None, reason="exam week")
    running.run(deploy.pk)
    deploy.refresh_from_db()
    assert (deploy.state, deploy.outcome["refused"]) == ("failed", True)
    assert "exam week" in deploy.message


def test_a_bad_version_is_refused_until_the_mark_is_cleared(
    machine: Machine, two: tuple[Version, Version], operator: User
) -> None:
    first, _ = two
    mark(first, operator)
    asked: dict[str, Any] = {"machine": machine, "version": "a", "requested_by": None}
    for verb, done in ((operations.deploy, "deployed"), (operations.revert, "reverted to"), (operations.remove, "del")):
        with pytest.raises(Refused, match=f"“a” is marked bad .* by operator: “plots are empty”. It is not {done}"):
            verb(**asked)
    assert operations.keep(machine)["pinned"] == ["a"], "a prune leaves it"
    marks.clear(version=first, by=None, reason="it was the filesystem")
    assert operations.deploy(**asked).kind == "deploy"
    with pytest.raises(Refused, match="is not marked bad"):
        marks.clear(version=first, by=None, reason="again")


def test_what_was_queued_before_the_mark_is_refused_when_it_begins(
    machine: Machine, two: tuple[Version, Version]
) -> None:
    deploy = operations.deploy(machine=machine, version="a", requested_by=None)
    mark(two[0])
    running.run(deploy.pk)
    deploy.refresh_from_db()
    assert (deploy.state, deploy.outcome["refused"]) == ("failed", True)


def test_a_bad_version_is_passed_over(machine: Machine, sealed: Seal) -> None:
    a, b, c = sealed("a"), sealed("b"), sealed("c")
    for version in (a, b, c):
        activate(version)
    assert [version.name for version in activations.targets(machine)] == ["b", "a"]
    mark(b)
    assert [version.name for version in activations.targets(machine)] == ["a"]
    now = activations.current(machine)
    assert now is not None
    assert now.returns_to is not None
    assert now.returns_to.version == a


def test_the_first_mark_stays(two: tuple[Version, Version], operator: User) -> None:
    mark(two[0], operator)
    assert not marks.mark_bad(version=two[0], by=None, reason="another")
    assert marks.bad(two[0]).endswith("by operator: “plots are empty”.")
    assert Event.objects.count() == 1


def test_a_revert_marks_what_it_left(machine: Machine, two: tuple[Version, Version], operator: User) -> None:
    asked = operations.revert(machine=machine, mark_bad=True, requested_by=operator, reason="plots are empty")
    assert asked.parameters == {"version": "a", "mark_bad": "b"}
    assert records.record(asked, {"version": "a", "healthy": True}) == "“b” is marked bad."
    bad = Version.objects.get(name="b")
    assert (bad.bad_by, bad.bad_reason) == (operator, "plots are empty")
    assert activations.revert_target(machine) is None


def test_a_revert_marks_nothing_unless_asked(machine: Machine, two: tuple[Version, Version]) -> None:
    asked = operations.revert(machine=machine, requested_by=None, reason="plots are empty")
    assert records.record(asked, {"version": "a", "healthy": True}) == ""
    assert not Version.objects.filter(bad_since__isnull=False).exists()


def test_a_mark_is_never_in_the_way_of_a_revert(elsewhere: Machine, machine: Machine, sealed: Seal) -> None:
    activate(sealed("a"))
    Version.objects.update(machine=elsewhere)
    Activation.objects.update(machine=elsewhere)
    elsewhere.observed = {"active": None, "resident": [], "versions": [{"name": "a", "sealed": True}]}
    asked = operations.revert(machine=elsewhere, version="a", mark_bad=True, requested_by=None, reason="gone")
    assert asked.parameters == {"version": "a"}
    asked.parameters = {"version": "a", "mark_bad": "never-recorded"}
    assert records.record(asked, {"version": "a", "healthy": True}) == ""


def test_an_event_is_never_edited(machine: Machine) -> None:
    marks.freeze(machine=machine, by=None, reason="exam week")
    event = Event.objects.get()
    event.text = "something else"
    with pytest.raises(TypeError, match="never edited"):
        event.save()


def test_the_database_holds_the_rules(machine: Machine, sealed: Seal) -> None:
    row = sealed("a")
    with pytest.raises(IntegrityError), transaction.atomic():
        Machine.objects.filter(pk=machine.pk).update(frozen_since=Now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Version.objects.filter(pk=row.pk).update(bad_since=Now())


def test_a_revert_of_the_emergency_command_marks_nothing(machine: Machine, two: tuple[Version, Version]) -> None:
    layout = Layout(Path(machine.root))
    journal.begin(layout, "live", operation="engine:1", kind="revert", version="a", reason="at night", mark_bad="b")
    journal.end(layout, "live", "succeeded")
    history.import_journal(machine)
    now = activations.current(machine)
    assert now is not None
    assert now.version == two[0]
    assert not Version.objects.filter(bad_since__isnull=False).exists()


def test_a_build_that_was_to_be_deployed_is_kept_when_the_machine_was_frozen_meanwhile(
    machine: Machine, recipe: RecipeRevision
) -> None:
    build = operations.build(machine=machine, recipe_name="starter", name="a", deploy=True, requested_by=None)
    marks.freeze(machine=machine, by=None, reason="exam week")
    running.run(build.pk, plan_for=tiny.plan_for)
    build.refresh_from_db()
    assert build.state == "succeeded"
    assert "It was not deployed" in build.message
    assert not build.children.exists()
