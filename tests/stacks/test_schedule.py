"""What is submitted without a click."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from stacks import operations
from stacks.engine import links, ramdisk, resident
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation
from tests.stacks.conftest import Seal
from tests.stacks.test_requests import make_active

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


@pytest.fixture
def active(machine: Machine, sealed: Seal) -> Layout:
    sealed("a")
    make_active(machine, "a")
    return Layout(Path(machine.root))


def end(operation: Operation, *, ago: timedelta = timedelta()) -> None:
    at = timezone.now() - ago
    Operation.objects.filter(pk=operation.pk).update(
        state="succeeded", created_at=at, started_at=at, heartbeat_at=at, finished_at=at
    )


def test_no_restore_while_all_is_well(machine: Machine, active: Layout) -> None:
    assert operations.restore_after_reboot(machine) is None
    assert not Operation.objects.exists()


def test_no_restore_on_a_machine_without_a_version(machine: Machine) -> None:
    assert operations.restore_after_reboot(machine) is None


def test_after_a_reboot_a_restore_is_submitted_once(machine: Machine, active: Layout) -> None:
    shutil.rmtree(ramdisk.private_directory(active))
    assert resident.is_lost(active)
    made = operations.restore_after_reboot(machine)
    assert made is not None
    assert (made.kind, made.lane, made.requested_by) == ("restore", "live", None)
    assert operations.restore_after_reboot(machine) is None
    assert Operation.objects.count() == 1


def test_a_restore_that_was_interrupted_goes_on(machine: Machine, active: Layout) -> None:
    shutil.rmtree(ramdisk.private_directory(active))
    links.switch(active.live, "sw.a", tree=active.version("a"))
    assert operations.restore_after_reboot(machine) is not None


def test_a_live_path_that_leads_elsewhere_is_somebodys_wish(machine: Machine, active: Layout, sealed: Seal) -> None:
    sealed("b")
    links.switch(active.live, "sw.b", tree=active.version("b"))
    assert operations.restore_after_reboot(machine) is None


def test_backups_are_off_until_asked_for(machine: Machine, active: Layout) -> None:
    assert operations.back_up_due() == []


def test_a_backup_is_submitted_when_its_time_has_come(machine: Machine, active: Layout) -> None:
    Machine.objects.update(backup_every=6)
    [first] = operations.back_up_due()
    assert (first.kind, first.reason, first.requested_by) == ("backup", "Scheduled", None)
    assert operations.back_up_due() == []
    end(first, ago=timedelta(hours=5))
    assert operations.back_up_due() == []
    end(first, ago=timedelta(hours=6))
    assert len(operations.back_up_due()) == 1


def test_a_backup_of_a_clock_years_ahead_does_not_put_off_the_next(machine: Machine, active: Layout) -> None:
    Machine.objects.update(backup_every=6)
    [first] = operations.back_up_due()
    end(first, ago=timedelta(days=-1000))
    [second] = operations.back_up_due()
    end(second)
    assert operations.back_up_due() == []


def test_a_tree_that_cannot_be_trusted_is_not_backed_up(machine: Machine, active: Layout) -> None:
    Machine.objects.update(backup_every=1)
    shutil.rmtree(ramdisk.private_directory(active))
    assert operations.back_up_due() == []
    assert not Operation.objects.exists()


def test_another_machine_is_asked_to(elsewhere: Machine) -> None:
    Machine.objects.update(backup_every=1)
    assert [operation.machine for operation in operations.back_up_due()] == [elsewhere]


def test_a_backup_that_does_not_come_is_a_problem(machine: Machine, active: Layout) -> None:
    Machine.objects.update(backup_every=6)
    assert operations.overdue([machine]) == {}
    [first] = operations.back_up_due()
    end(first, ago=timedelta(hours=13))
    assert operations.overdue([machine])[machine.pk][0]["code"] == "backup-overdue"
    end(first, ago=timedelta(hours=1))
    assert operations.overdue([machine]) == {}
    Machine.objects.update(backup_every=0)
    end(first, ago=timedelta(hours=100))
    assert operations.overdue([machine]) == {}
