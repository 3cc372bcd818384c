"""The database goes in the middle of an operation and comes back (F23, F26): it goes on with its journal and its spool.

Afterwards the record is right and the log whole, also where the worker gave up telling, or died, before it was back.
"""

from __future__ import annotations

import sqlite3
import time

import pytest
from django.db import connection

from stacks import logs
from stacks.engine import journal
from stacks.engine.locks import is_free
from stacks.models import Operation
from stacks.operations import doorbell
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.databases import Database, PostgresDatabase, Sqlite
from tests.faults.delivery.fleet import Host, ended
from tests.waiting import until

WORK = ("print:2500", "wait:1", "print:30")  # the first lines are a chunk of their own, stored while it runs


@pytest.fixture(scope="module")
def crew(hosts: Hosts) -> Host:
    made = hosts("m1")
    made.work("live")
    return made


@pytest.fixture
def host(crew: Host) -> Host:
    """A machine with a worker that has done something."""
    if not crew.has_worker("build"):
        crew.work("build")
    first = crew.ask()
    until(lambda: ended(first), within=120)
    return crew


def test_it_goes_on_while_the_database_is_away_and_tells_it_later(host: Host, database: Database) -> None:
    for stay_away in (_until_it_is_done, _until_nobody_waits_for_it, _until_its_worker_is_dead):
        operation = host.ask(*WORK)
        until(lambda: operation.pk in host.ran("wait"), within=60)  # noqa: B023 — waited for here
        connection.close()
        database.stop()
        try:
            stay_away(host, operation, isinstance(database, PostgresDatabase))
        finally:
            database.start()
        until(lambda: _answers() and ended(operation), within=90)  # noqa: B023
        _is_right(host, operation)


def test_a_delivery_while_the_database_is_away_is_not_the_last(host: Host, database: Database) -> None:
    connection.close()
    operation = Operation(pk=Operation.objects.count() + 1, machine=host.machine, kind="build", lane="build")
    connection.close()
    database.stop()
    doorbell.ring(operation)
    until(lambda: not doorbell.is_rung(operation), within=60)  # taken, and lost
    time.sleep(1)
    database.start()
    until(_answers, within=60)
    asked = host.ask(*WORK)
    until(lambda: ended(asked), within=90)
    _is_right(host, asked)


def test_locked_or_cut_off_in_the_middle(host: Host, database: Database, full: bool) -> None:
    operation = host.ask(*WORK)
    until(lambda: operation.pk in host.ran("wait"), within=60)
    if isinstance(database, PostgresDatabase):
        for _ in range(5):
            database.cut()
            time.sleep(0.2)
    elif isinstance(database, Sqlite):
        with sqlite3.connect(database.path, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(45 if full else 4)  # SQLite itself waits for 30
            other.execute("ROLLBACK")
        other.close()
    connection.close()
    until(lambda: _answers() and ended(operation), within=90)
    _is_right(host, operation)


def _until_it_is_done(host: Host, operation: Operation, is_cut: bool) -> None:
    """Whoever has a file open goes on writing there: only where all connections were cut must the end wait."""
    until(lambda: operation.pk in host.ran("end"), within=90)
    assert not (is_cut and is_free(host.layout, "build"))  # nobody else begins while the end is being told


def _until_nobody_waits_for_it(host: Host, operation: Operation, is_cut: bool) -> None:
    _until_it_is_done(host, operation, is_cut)
    # The lane is free again: the emergency command must be able to work while the database is gone.
    until(lambda: is_free(host.layout, "build"), within=120)


def _until_its_worker_is_dead(host: Host, operation: Operation, is_cut: bool) -> None:
    _until_it_is_done(host, operation, is_cut)
    host.worker("build").kill()


def _answers() -> bool:
    try:
        return Operation.objects.exists()
    except Exception:
        connection.close()
        return False


def _is_right(host: Host, operation: Operation) -> None:
    operation.refresh_from_db()
    assert (operation.state, host.ran()[operation.pk], host.ran("end")[operation.pk]) == ("succeeded", 1, 1)
    assert {step["state"] for step in operation.steps} == {"succeeded"}, operation.steps
    until(lambda: not (host.home / "logs" / str(operation.pk)).exists(), within=120)
    lines = logs.read_lines(operation, 1, 1 << 20)
    printed = [line.text for line in lines if line.kind == "output"]
    assert printed == [f"line {n}" for n in (*range(2500), *range(30))]
    assert [line.n for line in lines] == list(range(1, 1 + len(lines)))
    operation.refresh_from_db()
    assert operation.log_lines == len(lines)
    outcomes = [one["outcome"] for one in journal.history(host.layout) if one["operation"] == str(operation.pk)]
    # Killed between the history's line and the end of the intent, it is recovered after its end was told.
    assert [one for one in outcomes if not one.startswith("recovered")] == ["succeeded"], outcomes
