"""A machine whose worker is gone holds no rollout up for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from stacks import rollouts
from stacks.models import Machine, Operation, Rollout, RolloutTarget, Worker
from stacks.operations import lifecycle
from tests import planned
from tests.rollouts.fleet import deploy, end, of, queued, states


def later(seconds: float) -> None:
    """Let time have passed since operations of rollouts were submitted."""
    RolloutTarget.objects.update(begun_at=F("begun_at") - timedelta(seconds=seconds))
    rollouts.advance_all()


def hear(machine: Machine, ago: float = 0.0, lane: str = "live") -> None:
    Worker.objects.update_or_create(machine=machine, lane=lane, defaults={"heard_at": Now() - timedelta(seconds=ago)})


def test_a_worker_that_is_gone_fails_its_machine_and_what_was_done_is_reverted(three: list[Machine]) -> None:
    asked = deploy(three, on_failure=Rollout.OnFailure.REVERT)
    end(of("gp01"))
    hear(three[1], ago=170)
    hear(three[2])
    end(of("gp03"))
    lost = of("gp02")
    later(170)
    assert states(asked) == "running succeeded running succeeded"
    hear(three[1], ago=200)
    later(10)
    assert states(asked) == "reverting reverting failed reverting"
    lost.refresh_from_db()
    assert lost.state == "failed"
    assert "No worker of gp02 took it within 3 minutes" in lost.message
    assert queued() == [("gp01", "revert", "a"), ("gp03", "revert", "a")]
    end(of("gp01"))
    end(of("gp03"))
    assert states(asked) == "failed reverted failed reverted"
    assert "gp02: No worker of gp02 took it" in asked.message
    assert not lifecycle.claim(operation_id=lost.pk)  # by the worker that comes back: it does not begin any more


def test_one_that_was_never_heard_is_given_up_and_can_be_tried_again(three: list[Machine]) -> None:
    asked = deploy(three[:1])
    later(180)
    assert states(asked) == "stopped failed"
    rollouts.resume(rollout=asked, by=None)
    assert states(asked) == "running running"
    end(of("gp01"))
    assert states(asked) == "succeeded succeeded"


def test_a_freeze_window_that_began_meanwhile_makes_nobody_wait_for_a_worker_that_is_gone(three: list[Machine]) -> None:
    asked = deploy(three[:1])
    planned.window(three[0], begins=-timedelta(minutes=1))
    later(180)
    assert states(asked) == "stopped failed"


def test_the_other_lane_does_not_count(three: list[Machine]) -> None:
    asked = deploy(three[:1])
    hear(three[0], lane="build")
    later(180)
    assert states(asked) == "stopped failed"


def test_one_that_is_heard_has_longer(three: list[Machine]) -> None:
    asked = deploy(three[:1])
    hear(three[0])
    later(890)
    assert states(asked) == "running running"
    later(10)
    assert states(asked) == "stopped failed"


def test_what_a_worker_took_is_its_own(three: list[Machine]) -> None:
    asked = deploy(three[:1])
    assert lifecycle.claim(operation_id=of("gp01").pk)
    later(5000)
    assert states(asked) == "running running"


def test_a_way_back_that_no_worker_takes_is_told(three: list[Machine]) -> None:
    asked = deploy(three[:2], on_failure=Rollout.OnFailure.REVERT)
    end(of("gp01"))
    end(of("gp02"), "failed", "broken")
    assert states(asked) == "reverting reverting failed"
    later(180)
    assert states(asked) == "failed failed failed"
    assert "No worker of gp01 took it" in asked.message


@pytest.mark.usefixtures("alone")
def test_a_worker_that_is_quicker_keeps_it(three: list[Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = deploy(three[:1])
    waits = of("gp01")
    refuse = lifecycle.refuse

    def taken_meanwhile(**asked: object) -> bool:
        assert Operation.objects.filter(pk=waits.pk).update(state="running", started_at=Now(), heartbeat_at=Now())
        return refuse(**asked)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(lifecycle, "refuse", taken_meanwhile)
    later(180)
    assert states(asked) == "running running"
