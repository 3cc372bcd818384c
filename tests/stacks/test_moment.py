"""A page that waits a moment for the end of what was asked for."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection

from stacks import operations
from stacks.models import Machine, Operation
from stacks.operations.lifecycle import claim, finish


def asked(machine: Machine) -> Operation:
    return operations.submit(machine=machine, kind="revert", parameters={"version": "a"})


def test_what_has_ended_is_not_waited_for(machine: Machine) -> None:
    operation = asked(machine)
    operations.request_cancel(operation=operation, by=None)
    began = time.monotonic()
    assert operations.ends_within(operation, 60)
    assert time.monotonic() - began < 30


def test_what_goes_on_is_waited_for_no_longer_than_that(machine: Machine) -> None:
    operation, began = asked(machine), time.monotonic()
    assert not operations.ends_within(operation, 0.1)
    assert time.monotonic() - began >= 0.1


@pytest.mark.django_db(transaction=True)
def test_an_end_that_comes_meanwhile_is_seen(machine: Machine) -> None:
    operation = asked(machine)

    def work() -> None:
        time.sleep(0.1)
        assert claim(operation_id=operation.pk)
        assert finish(operation_id=operation.pk, state="succeeded", message="Done.")
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert operations.ends_within(operation, 60)
    worker.join()
