"""Rollouts with a real database: what is submitted when, on which machines, and how it ends."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from stacks import marks, operations, rollouts
from stacks.engine.errors import NothingToDo, Refused
from stacks.models import Machine, Operation
from stacks.rollouts import Pace
from tests.conftest import People
from tests.rollouts.fleet import active, add_machine, deploy, end, of, queued, revert, states

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alone")]


def test_the_canary_first_then_the_rest(three: list[Machine]) -> None:
    rollout = deploy(three)
    assert states(rollout) == "running running waiting waiting"
    assert queued() == [("gp01", "deploy", "b")]
    end(of("gp01"))
    assert states(rollout) == "running succeeded running running"
    assert queued() == [("gp02", "deploy", "b"), ("gp03", "deploy", "b")]
    end(of("gp03"))
    end(of("gp02"))
    assert states(rollout) == "succeeded succeeded succeeded succeeded"
    assert rollout.message == "gp01, gp02, gp03: done."
    assert rollout.finished_at is not None
    assert {operation.reason for operation in Operation.objects.all()} == {"for all"}


def test_a_failure_stops_it_and_resuming_tries_again(three: list[Machine]) -> None:
    rollout = deploy(three)
    end(of("gp01"), "failed", "The kernel tiny does not answer.")
    assert states(rollout) == "stopped failed waiting waiting"
    assert "gp01: The kernel tiny does not answer." in rollout.message
    assert queued() == []
    rollouts.advance_all()
    assert states(rollout) == "stopped failed waiting waiting"
    rollouts.resume(rollout=rollout, by=None)
    assert states(rollout) == "running running waiting waiting"
    assert rollout.message == ""
    end(of("gp01"))
    assert states(rollout) == "running succeeded running running"
    with pytest.raises(Refused, match="is running: it cannot be resumed"):
        rollouts.resume(rollout=rollout, by=None)


def test_a_failure_reverts_what_was_changed(three: list[Machine]) -> None:
    rollout = deploy(three, canary=0, batch=2, on_failure="revert")
    end(of("gp01"))
    end(of("gp02"), "failed", "The kernel tiny does not answer.")
    assert states(rollout) == "reverting reverting failed waiting"
    assert queued() == [("gp01", "revert", "a")]
    end(of("gp01"))
    assert states(rollout) == "failed reverted failed skipped"
    assert rollout.message == (
        "gp02: failed; gp01: reverted; gp03: left as it was. gp02: The kernel tiny does not answer."
    )
    assert (active(three[0]), active(three[1])) == ("a", "a")


def test_what_became_active_meanwhile_is_not_reverted(three: list[Machine]) -> None:
    rollout = deploy(three, canary=0, batch=2, on_failure="revert")
    end(of("gp01"))
    three[0].refresh_from_db()
    operations.deploy(machine=three[0], version="a", requested_by=None)
    end(of("gp01"))
    end(of("gp02"), "failed", "No.")
    assert states(rollout) == "failed kept failed skipped"
    assert "It was not reverted: a became active there meanwhile." in rollout.targets.get(order=0).message


def test_a_revert_that_fails_is_told(three: list[Machine]) -> None:
    rollout = deploy(three, on_failure="revert")
    end(of("gp01"))
    end(of("gp02"), "failed", "No.")
    assert states(rollout) == "running succeeded failed running"  # what is at work is waited for
    end(of("gp03"))
    assert states(rollout) == "reverting reverting failed reverting"
    end(of("gp01"), "failed", "The disk is full.")
    end(of("gp03"))
    assert states(rollout) == "failed failed failed reverted"
    assert "gp01: The disk is full." in rollout.message


def test_a_pause_is_kept_between_batches(three: list[Machine]) -> None:
    rollout = deploy(three, pause=600)
    end(of("gp01"))
    rollouts.advance_all()
    assert states(rollout) == "running succeeded waiting waiting"
    rollout.targets.filter(order=0).update(ended_at=timezone.now() - timedelta(seconds=601))
    rollouts.advance_all()
    assert states(rollout) == "running succeeded running running"


def test_cancelling_leaves_what_is_done_and_ends_what_is_at_work(three: list[Machine]) -> None:
    rollout = deploy(three, batch=1)
    end(of("gp01"))
    rollouts.cancel(rollout=rollout, by=None)
    assert states(rollout) == "cancelled succeeded failed skipped"
    assert queued() == []
    assert rollout.message == "Cancelled by the command line."
    with pytest.raises(Refused, match="is cancelled: it cannot be cancelled"):
        rollouts.cancel(rollout=rollout, by=None)


def test_one_that_runs_is_waited_for_when_it_is_cancelled(three: list[Machine]) -> None:
    rollout = deploy(three)
    first = of("gp01")
    assert operations.claim(operation_id=first.pk)
    rollouts.cancel(rollout=rollout, by=None)
    assert states(rollout) == "cancelling running skipped skipped"
    first.refresh_from_db()
    assert first.cancel_requested_at is not None
    conclusion = operations.attempts.Conclusion("cancelled", "Undone.")
    assert operations.conclude(operation_id=first.pk, conclusion=conclusion, log_lines=0)
    assert states(rollout) == "cancelled failed skipped skipped"


def test_a_busy_lane_is_that_machines_failure(three: list[Machine]) -> None:
    operations.deploy(machine=three[1], version="b", requested_by=None)
    rollout = deploy(three)
    end(of("gp01"))
    assert states(rollout) == "running succeeded failed running"
    assert "gp02 is busy: the deploy of b" in rollout.targets.get(order=1).message
    end(of("gp03"))
    assert states(rollout) == "stopped succeeded failed succeeded"


def test_a_freeze_meanwhile_is_that_machines_failure(three: list[Machine]) -> None:
    rollout = deploy(three)
    marks.freeze(machine=three[1], by=None, reason="hands off")
    end(of("gp01"))
    end(of("gp03"))
    assert states(rollout) == "stopped succeeded failed succeeded"
    assert "gp02 is frozen since" in rollout.message


def test_where_it_is_active_already_nothing_is_done(three: list[Machine]) -> None:
    done = add_machine("gp04", active="b")
    rollout = deploy([done, *three])
    assert states(rollout) == "running skipped running running running"
    with pytest.raises(NothingToDo, match="active already on each"):
        deploy([done])


def test_rights_that_were_lost_meanwhile_stop_it(three: list[Machine], people: People) -> None:
    rollout = deploy(three, requested_by=people.operator)
    people.operator.is_active = False
    people.operator.save()
    end(of("gp01"))
    assert states(rollout) == "stopped succeeded failed failed"
    assert "is closed" in rollout.message
    rollouts.resume(rollout=rollout, by=people.admin)
    assert states(rollout) == "running succeeded running running"
    assert {of(name).requested_by for name in ("gp02", "gp03")} == {people.admin}


def test_all_go_back_at_once_each_to_its_own(three: list[Machine]) -> None:
    for machine in three[:2]:
        operations.deploy(machine=machine, version="b", requested_by=None)
        end(of(machine.name))
    other = add_machine("gp04", "xy", "x")
    operations.deploy(machine=other, version="y", requested_by=None)
    end(of("gp04"))
    changed = list(Machine.objects.exclude(name="gp03"))
    rollout = revert(changed, mark_bad=True)
    assert queued() == [("gp01", "revert", "a"), ("gp02", "revert", "a"), ("gp04", "revert", "x")]
    end(of("gp02"), "failed", "No.")
    end(of("gp01"))
    end(of("gp04"))
    assert states(rollout) == "stopped succeeded failed succeeded"  # one that fails holds none up
    assert (active(three[0]), active(other)) == ("a", "x")
    assert other.versions.get(name="y").bad_since is not None
    with pytest.raises(Refused, match="no earlier healthy version to go back to on gp03"):
        revert([three[1], three[2]])
    with pytest.raises(Refused, match="give a reason"):
        rollouts.revert(machines=changed, pace=Pace(), mark_bad=True, requested_by=None)


def test_a_revert_ends_the_rollout_that_would_deploy_again() -> None:
    two = [add_machine(name, "abc") for name in ("gp01", "gp02")]
    for machine in two:
        operations.deploy(machine=machine, version="b", requested_by=None)
        end(of(machine.name))
    forth = deploy(two, version="c")
    back = revert(two)
    assert states(forth) == "cancelled failed skipped"
    assert queued() == [("gp01", "revert", "a"), ("gp02", "revert", "a")]
    assert states(back) == "running running running"


def test_a_revert_of_what_is_done_lets_the_rest_go_on(three: list[Machine]) -> None:
    forth = deploy(three, batch=1)
    end(of("gp01"))
    back = revert(three[:1])
    end(of("gp01"))
    assert states(back) == "succeeded succeeded"
    assert states(forth) == "running succeeded running waiting"


def test_two_at_once_submit_once(three: list[Machine]) -> None:
    rollout = deploy(three, pause=600)
    end(of("gp01"))
    rollout.targets.filter(order=0).update(ended_at=timezone.now() - timedelta(seconds=601))
    begin, trouble = threading.Barrier(4), list[Exception]()

    def go() -> None:
        try:
            begin.wait(30)
            rollouts.advance(rollout.pk)
        except Exception as error:
            trouble.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert trouble == []
    assert queued() == [("gp02", "deploy", "b"), ("gp03", "deploy", "b")]
    assert states(rollout) == "running succeeded running running"


def test_a_missed_end_is_found_by_the_sweeper(three: list[Machine]) -> None:
    rollout = deploy(three)
    first, now = of("gp01"), timezone.now()
    times = {"started_at": now, "heartbeat_at": now, "finished_at": now}
    Operation.objects.filter(pk=first.pk).update(state="interrupted", message="The worker fell silent.", **times)
    assert states(rollout) == "running running waiting waiting"
    rollouts.advance_all()
    assert states(rollout) == "stopped failed waiting waiting"


def test_a_machine_that_is_forgotten_leaves_its_rollouts(three: list[Machine]) -> None:
    rollout = deploy(three)
    end(of("gp01"))
    three[0].activations.all().delete()
    three[0].delete()
    assert states(rollout) == "running running running"
