"""Writers of the trail wait for one another, and never for each other in a ring."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from access import audit
from stacks.models import Machine, Operation

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_holds_a_machine_is_waited_for_before_the_trail(elsewhere: Machine) -> None:
    """On PostgreSQL a reference is checked at the commit, when the trail's lock is held already."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    held, wrong = threading.Event(), []

    def ask() -> None:
        try:
            held.wait(10)
            with transaction.atomic():
                Operation.objects.create(machine=elsewhere, kind="build", lane="build")
                audit.record("event", "asked")
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    with transaction.atomic():
        Machine.objects.select_for_update().get(pk=elsewhere.pk)
        held.set()
        thread.join(1)
        audit.record("event", "held")
    thread.join(10)
    assert wrong == []
    assert Operation.objects.count() == 1
