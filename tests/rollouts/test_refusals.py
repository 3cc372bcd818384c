"""What no rollout is begun for: known up front, forbidden, or not to be kept by the database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from stacks import marks, rollouts
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation, Rollout, RolloutTarget
from stacks.rollouts import Pace
from tests.conftest import People
from tests.rollouts.fleet import add_machine, deploy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alone")]


def test_what_is_refused_up_front(three: list[Machine]) -> None:
    lacking = [add_machine(name, "a") for name in ("gp08", "gp09")]
    with pytest.raises(Refused, match=r"not sealed on gp08, gp09: .*“dlstack copy b --to gp08 gp09”"):
        deploy([*three, *lacking])
    marks.freeze(machine=three[2], by=None, reason="hands off")
    with pytest.raises(Refused, match="gp03 is frozen since"):
        deploy(three)
    with pytest.raises(Refused, match="Say on which machines"):
        deploy([])
    with pytest.raises(Refused, match="each machine once"):
        deploy([three[0], three[0]])
    with pytest.raises(Refused, match="On failure"):
        deploy(three[:2], on_failure="perhaps")
    for pace in (Pace(canary=-1), Pace(batch=-1), Pace(pause=-1), Pace(pause=10**9), Pace(canary=10**9)):
        with pytest.raises(Refused):
            rollouts.deploy(machines=three[:2], version="b", pace=pace, requested_by=None)
    assert not Rollout.objects.exists()
    assert not Operation.objects.exists()


def test_who_may_not_is_refused(three: list[Machine], people: People) -> None:
    with pytest.raises(Refused, match="operator"):
        deploy(three, requested_by=people.viewer)
    rollout = deploy(three, requested_by=people.operator)
    for change in (rollouts.resume, rollouts.cancel):
        with pytest.raises(Refused, match="operator"):
            change(rollout=rollout, by=people.viewer)


def test_no_machine_waits_in_two(three: list[Machine]) -> None:
    first = deploy(three)
    with pytest.raises(Refused, match=rf"gp02 waits in rollout #{first.pk}, gp03 waits in rollout #{first.pk}"):
        deploy(three[1:])
    last = first.targets.get(order=2)
    other = Rollout.objects.create(kind="deploy", version="b")
    with pytest.raises(IntegrityError), transaction.atomic():
        RolloutTarget.objects.create(rollout=other, machine=last.machine, order=0, batch=0, version="b")


WRONG: dict[str, dict[str, Any]] = {
    "rollout_deploy_has_version": {"kind": "deploy"},
    "rollout_revert_is_not_reverted": {"kind": "revert", "on_failure": "revert"},
    "rollout_deploy_marks_nothing": {"kind": "deploy", "version": "a", "mark_bad": True},
    "rollout_batch_of_some": {"kind": "revert", "batch": 0},
    "rollout_finished_has_time": {"kind": "revert", "state": "failed"},
}


@pytest.mark.parametrize("name", WRONG)
def test_the_database_takes_nothing_else(name: str) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Rollout.objects.create(**WRONG[name])
