"""Workers that stop for long and come back, and machines that never do (F10, F26, F27).

What was given up is not gone on with: the lane's lock keeps everybody else out until the worker that was stopped has
noticed, undone what it had begun, and let go; the outcome on record stays as it is.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from stacks import logs, operations, presence
from stacks.engine import journal
from stacks.engine.locks import is_free
from stacks.models import Operation
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.fleet import Host, ended, state_of
from tests.waiting import until


@pytest.fixture
def stopped(hosts_on_postgres: Hosts, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A machine whose two workers are alone in the world: nobody else sees that one falls silent."""
    host = hosts_on_postgres(f"m{len(request.node.name)}")
    host.work("build")
    host.work("live")
    yield host
    host.dismiss()


@pytest.mark.parametrize(
    "work",
    [["deafly:3", "never"], pytest.param(["wait:120", "never"], marks=pytest.mark.faults)],
    ids=["in one call", "in a wait"],
)
def test_one_that_comes_back_goes_on_with_nothing(stopped: Host, work: list[str]) -> None:
    operation = stopped.ask(*work)
    until(lambda: operation.pk in stopped.ran(work[0].partition(":")[0]), within=120)
    worker = stopped.worker("build")
    worker.send(signal.SIGSTOP)
    # If it was stopped in the middle of a transaction, the database puts it out after a minute (settings).
    until(lambda: ended(operation), within=150)
    operation.refresh_from_db()
    assert operation.state == "interrupted"
    assert f"operation #{operation.pk}, process {worker.process.pid} still holds the lane" in operation.message
    assert not is_free(stopped.layout, "build")

    second = stopped.work("build")
    refused = stopped.ask()
    until(lambda: ended(refused), within=60)
    refused.refresh_from_db()
    assert (refused.state, refused.pk in stopped.ran()) == ("failed", False)
    assert f"in use by operation #{operation.pk}, process {worker.process.pid}" in refused.message
    second.kill()

    worker.send(signal.SIGCONT)
    until(lambda: is_free(stopped.layout, "build"), within=60)
    assert (stopped.ran("never"), stopped.ran("end")) == ({}, {})
    assert stopped.ran("undo") == {operation.pk: 1}
    before, operation = operation, Operation.objects.get(pk=operation.pk)
    assert (operation.state, operation.message) == (before.state, before.message)
    until(lambda: not (stopped.home / "logs" / str(operation.pk)).exists(), within=30)
    operation.refresh_from_db()
    lines = logs.read_lines(operation, 1, 999)
    assert operation.log_lines == len(lines) == lines[-1].n
    outcomes = [one["outcome"] for one in journal.history(stopped.layout) if one["operation"] == str(operation.pk)]
    assert outcomes == ["undone"]

    after = stopped.ask()
    until(lambda: ended(after), within=60)
    assert state_of(after) == "succeeded"


def test_a_machine_that_is_gone_for_good(hosts_on_postgres: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "SILENT_AFTER", timedelta(seconds=15))
    gone, other = hosts_on_postgres("gone"), hosts_on_postgres("other")
    for lane in ("build", "live"):
        gone.work(lane)
    other.work("build")
    lost = gone.ask("wait:300")
    until(lambda: lost.pk in gone.ran("wait"), within=120)
    until(lambda: gone.machine.workers.count() == 2, within=60)
    assert presence.waiting_for(lost) == ""
    for worker in gone.workers:
        worker.kill()
    unheard = gone.ask(lane="live")
    elsewhere = other.ask("wait:1")
    until(lambda: _clock_rang() and ended(elsewhere) and ended(lost), within=150)
    lost.refresh_from_db()
    assert (state_of(elsewhere), lost.state) == ("succeeded", "interrupted")
    assert lost.message.startswith("The worker fell silent;")
    until(lambda: presence.waiting_for(unheard), within=60)
    _pages_say_so(gone, other, unheard)

    gone.work("live")  # after all
    until(lambda: ended(unheard), within=120)
    lost.refresh_from_db()
    assert lost.message.endswith("The half-made version “a” was removed; the package caches were kept.")
    assert journal.pending(gone.layout, "build") is None


def _clock_rang() -> bool:
    """Do what beat does for all machines; a worker looks after its own alone."""
    operations.reap()
    return True


def _pages_say_so(gone: Host, other: Host, waiting: Operation) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    said = "Nothing was heard of the live worker of gone since"
    assert said in _text(client.get("/"))
    assert said in _text(client.get(f"/machines/{gone.name}/"))
    assert said not in _text(client.get(f"/machines/{other.name}/"))
    assert said in _text(client.get(f"/operations/{waiting.pk}/"))


def _text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())
