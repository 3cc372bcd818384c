"""What a worker samples for the cards: when a backup last ended well, and what other apps add."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from stacks import glance, observation
from stacks.models import Machine, Operation

pytestmark = pytest.mark.django_db


def backup(machine: Machine, state: str) -> Operation:
    return Operation.objects.create(
        machine=machine, kind="backup", lane="build", state=state, finished_at=timezone.now()
    )


def test_the_last_good_backup_counts(machine: Machine) -> None:
    assert glance.sample(machine)["backed_up_at"] is None
    good = backup(machine, "succeeded")
    backup(machine, "failed")
    assert good.finished_at
    assert glance.sample(machine)["backed_up_at"] == good.finished_at.timestamp()


def test_a_look_at_the_disk_keeps_it_and_every_page_shows_it(machine: Machine) -> None:
    backup(machine, "succeeded")
    observation.refresh(machine)
    kept: dict[str, Any] = machine.observed["glance"]
    assert kept["backed_up_at"]
    assert kept["kernels_running"] == []
    assert observation.observe(machine)["glance"] == kept
