"""Freeze windows: what they refuse when it is asked for and when it begins, what they let pass, how they are lifted."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from access.models import AuditEntry
from stacks import operations, rollouts, running, windows
from stacks.engine.errors import Refused
from stacks.models import FreezeWindow, Machine, Operation
from stacks.rollouts import Pace
from tests.conftest import People
from tests.rollouts.fleet import add_machine, deploy, end, of, queued, revert, states
from tests.schedules.windows import HOUR, opened
from tests.schedules.windows import end as let_end
from tests.stacks import tiny
from tests.stacks.conftest import layout, machine, owner

__all__ = ["layout", "machine", "owner"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alone")]


def test_a_deploy_is_refused_in_one_sentence(gp01: Machine) -> None:
    window = opened(gp01)
    ends = f"{window.ends_at:%a %d %b %Y, %H:%M} UTC"
    with pytest.raises(Refused) as refused:
        operations.deploy(machine=gp01, version="b", requested_by=None)
    assert str(refused.value) == (
        f"gp01 is in the freeze window “Observing” (“sky survey”) until {ends}: revert, restore and backup work, "
        "all else waits for its end or for an operator who lifts it with a reason."
    )
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("begins", "ends", "there", "refused"),
    [(-1, 1, True, True), (1, 2, True, False), (-1, 1, False, False)],
)
def test_where_and_when_it_holds(gp01: Machine, begins: int, ends: int, there: bool, refused: bool) -> None:
    opened(gp01 if there else add_machine("gp02"), begins=begins * HOUR, ends=ends * HOUR)
    assert (windows.open_on(gp01) is not None) == refused


def test_of_several_the_one_that_ends_last_is_told(gp01: Machine) -> None:
    opened(gp01, name="short")
    opened(None, name="long", ends=5 * HOUR)
    found = windows.open_on(gp01)
    assert found is not None
    assert found.window.name == "long"


def test_reverts_restores_backups_and_builds_pass(gp01: Machine) -> None:
    opened()
    for ask in (operations.restore, operations.backup):
        operation = ask(machine=gp01, requested_by=None)
        Operation.objects.filter(pk=operation.pk).update(state="cancelled", finished_at=timezone.now())
    for kind in ("revert", "build", "verify", "copy"):
        operations.refuse_if_barred(machine=gp01, kind=kind, version="a")
    for kind in ("deploy", "discard", "kernel-install", "kernel-remove"):
        with pytest.raises(windows.InWindow):
            operations.refuse_if_barred(machine=gp01, kind=kind)


def test_it_is_looked_at_again_in_the_worker(machine: Machine) -> None:
    asked = operations.submit(machine=machine, kind="deploy", parameters={"version": "a", "work": ["one"]})
    opened(machine)
    running.run(asked.pk, plan_for=tiny.plan_for)
    asked.refresh_from_db()
    assert (asked.state, asked.outcome.get("refused")) == ("failed", True)
    assert asked.message.startswith("local is in the freeze window “Observing”")


def test_lifting_needs_a_reason_and_lasts_until_it_comes_again(gp01: Machine, people: People) -> None:
    window = opened(gp01)
    with pytest.raises(Refused, match="give a reason"):
        windows.lift(window=window, by=people.operator, reason=" ")
    windows.lift(window=window, by=people.operator, reason="the telescope is down")
    assert windows.open_on(gp01) is None
    with pytest.raises(Refused, match="not open"):
        windows.lift(window=window, by=people.operator, reason="again")
    told = AuditEntry.objects.filter(kind="window").latest("number")
    assert told.what.startswith("The freeze window “Observing” was lifted until ")
    assert (told.who, told.machine, told.what.endswith(": the telescope is down")) == ("operator", "gp01", True)


def test_a_weekly_one_that_is_lifted_comes_again(gp01: Machine) -> None:
    today = timezone.now()
    from_day, to_day = (today - timedelta(days=1)).weekday(), (today + timedelta(days=1)).weekday()
    asked: dict[str, Any] = {"from_day": from_day, "from_time": time(0), "to_day": to_day, "to_time": time(23, 59)}
    window = opened(gp01, starts_at=None, ends_at=None, **asked)
    windows.lift(window=window, by=None, reason="no sky")
    [standing] = windows.standings(windows.known())
    assert not standing.is_open
    assert timedelta(days=5) < standing.span.begins - today < timedelta(days=7)


def test_a_rollout_waits_for_its_end_and_goes_on_by_itself(gp01: Machine) -> None:
    others = [add_machine("gp02"), add_machine("gp03")]
    rollout = deploy([gp01, *others])
    window = opened(others[1])
    end(of("gp01"))
    assert states(rollout) == "running succeeded waiting waiting"
    assert rollout.message.startswith("It goes on by itself later: gp03 is in the freeze window “Observing”")
    rollouts.advance_all()
    assert queued() == []
    let_end(window)
    rollouts.advance_all()
    assert states(rollout) == "running succeeded running running"
    assert rollout.message == ""
    end(of("gp02"))
    end(of("gp03"))
    assert states(rollout) == "succeeded succeeded succeeded succeeded"


def test_what_its_worker_refused_because_a_window_began_waits_again(gp01: Machine) -> None:
    other = add_machine("gp02")
    rollout = deploy([gp01, other], on_failure="revert")
    window = opened(gp01)
    operation = of("gp01")
    operations.refuse(operation_id=operation.pk, message="gp01 is in the freeze window", outcome={"refused": True})
    rollouts.advance_all()
    assert states(rollout) == "running waiting waiting"
    let_end(window)
    rollouts.advance_all()
    assert states(rollout) == "running running waiting"
    assert of("gp01").pk != operation.pk


def test_a_rollout_that_reverts_waits_for_nothing(gp01: Machine) -> None:
    other = add_machine("gp02")
    rollout = deploy([gp01, other], on_failure="revert")
    end(of("gp01"))
    opened()
    end(of("gp02"), "failed", "no kernel")
    assert states(rollout) == "reverting reverting failed"
    end(of("gp01"))
    assert states(rollout) == "failed reverted failed"


def test_all_go_back_at_once_in_a_window(gp01: Machine) -> None:
    end(operations.deploy(machine=gp01, version="b", requested_by=None))
    gp01.refresh_from_db()
    opened()
    rollout = revert([gp01])
    assert states(rollout) == "running running"


def test_no_rollout_begins_in_a_window(gp01: Machine) -> None:
    opened(gp01)
    with pytest.raises(Refused, match="gp01 is in the freeze window"):
        rollouts.deploy(machines=[gp01, add_machine("gp02")], version="b", pace=Pace(), requested_by=None)


def test_what_is_no_window_is_refused(gp01: Machine) -> None:
    week: dict[str, Any] = {"starts_at": None, "ends_at": None, "from_day": 1, "to_day": 1}
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"ends": -2 * HOUR}, "must end after"),
        ({**week, "from_time": time(8), "to_time": time(8)}, "never ends"),
        ({**week, "from_time": time(8)}, "from a day and a time"),
        ({"reason": " "}, "give a reason"),
    )
    for asked, says in wrong:
        with pytest.raises(Refused, match=says):
            opened(gp01, **asked)
    assert not FreezeWindow.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        FreezeWindow.objects.create(name="x", reason="y")


def test_each_change_is_on_the_trail(gp01: Machine, people: People) -> None:
    window = opened(gp01)
    window.reason = "two surveys"
    windows.save(window=window, by=people.operator)
    windows.delete(window=window, by=people.operator)
    told = AuditEntry.objects.filter(kind="window").order_by("number")
    assert [entry.what.rpartition(" ")[2] for entry in told] == ["made", "changed", "deleted"]
    assert told[1].old.endswith(": sky survey")
    assert told[1].new.endswith(": two surveys")
    assert windows.open_on(gp01) is None
