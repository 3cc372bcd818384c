"""What workers write: conditional on the state, and kept whole whatever the clock does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from stacks import operations
from stacks.models import Machine, Operation
from tests.stacks.conftest import state_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def operation(machine: Machine, no_broker: None) -> Operation:
    return operations.submit(machine=machine, kind="build", parameters={"version": "a"})


def test_claim_is_won_once(operation: Operation) -> None:
    assert operations.claim(operation_id=operation.pk)
    assert not operations.claim(operation_id=operation.pk)
    operation.refresh_from_db()
    assert operation.state == "running"
    assert operation.started_at == operation.heartbeat_at
    assert abs(timezone.now() - operation.heartbeat_at) < timedelta(seconds=5)  # type: ignore[operator]


def test_claim_of_nothing() -> None:
    assert not operations.claim(operation_id=12345)


def test_heartbeat_only_while_it_runs(operation: Operation) -> None:
    assert not operations.heartbeat(operation_id=operation.pk)
    operations.claim(operation_id=operation.pk)
    assert operations.heartbeat(operation_id=operation.pk)
    operations.finish(operation_id=operation.pk, state="failed", message="No.")
    assert not operations.heartbeat(operation_id=operation.pk)


def test_finish_only_what_runs(operation: Operation) -> None:
    assert not operations.finish(operation_id=operation.pk, state="succeeded", message="Done.")
    assert state_of(operation) == "queued"
    operations.claim(operation_id=operation.pk)
    assert operations.finish(operation_id=operation.pk, state="interrupted", message="Killed.")
    assert not operations.finish(operation_id=operation.pk, state="succeeded", message="Done.")
    operation.refresh_from_db()
    assert (operation.state, operation.message) == ("interrupted", "Killed.")


def test_finish_with_its_record_is_one_transaction(operation: Operation) -> None:
    def fail(_: Operation) -> str:
        raise KeyError("version")

    operations.claim(operation_id=operation.pk)
    with pytest.raises(KeyError):
        operations.finish(operation_id=operation.pk, state="succeeded", message="Done.", record=fail)
    assert state_of(operation) == "running"
    assert operations.finish(
        operation_id=operation.pk, state="succeeded", message="Done.", record=lambda found: f"See {found.pk}."
    )
    operation.refresh_from_db()
    assert operation.message == f"Done. See {operation.pk}."


def test_finish_when_the_clock_was_set_back(operation: Operation) -> None:
    operations.claim(operation_id=operation.pk)
    later = timezone.now() + timedelta(hours=1)
    Operation.objects.filter(pk=operation.pk).update(started_at=later)
    assert operations.finish(operation_id=operation.pk, state="succeeded", message="Done.")
    operation.refresh_from_db()
    assert operation.finished_at == later


def test_a_message_can_hold_anything(operation: Operation) -> None:
    operations.claim(operation_id=operation.pk)
    operations.finish(operation_id=operation.pk, state="failed", message="nul \x00 \udcff " + "x" * 9999)
    operation.refresh_from_db()
    assert operation.message.startswith("nul \N{REPLACEMENT CHARACTER} ? x")
    assert len(operation.message) == 2000
