"""Operations through a real worker and a real Valkey: delivered twice, lost, killed, cancelled, stopped."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from stacks import logs, operations
from stacks.engine.layout import Layout
from stacks.engine.locks import is_free
from stacks.models import Machine, Operation, Version
from stacks.operations import doorbell
from tests.broker import Broker
from tests.conftest import People
from tests.stacks.conftest import Crew, Seal, state_of
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ask(workers: Crew, machine: Machine, tmp_path: Path) -> Callable[..., Operation]:
    def submit(*work: str, kind: str = "build", **rest: Any) -> Operation:
        parameters = {"version": "a", "generation": 1, "work": list(work), "ran": str(tmp_path / "ran")}
        return operations.submit(machine=machine, kind=kind, parameters=parameters | rest)

    return submit


@pytest.fixture
def ran(tmp_path: Path) -> Callable[[], list[str]]:
    return lambda: (tmp_path / "ran").read_text().splitlines() if (tmp_path / "ran").exists() else []


def ended(operation: Operation, *, within: float = 20.0) -> Operation:
    until(lambda: state_of(operation) not in Operation.UNFINISHED, within=within)
    operation.refresh_from_db()
    return operation


def texts(operation: Operation) -> list[str]:
    return [line.text for line in logs.read_lines(operation, 1, 9999)]


def test_to_success_and_a_second_delivery_runs_nothing(
    ask: Callable[..., Operation], ran: Callable[[], list[str]], workers: Crew
) -> None:
    workers.have("build")
    operation = ask("print:10", "wait:1")
    for _ in range(5):
        doorbell.ring(operation)
    done = ended(operation)
    assert (done.state, done.message) == (
        "succeeded",
        "“a” is built and sealed: 3 files, 0.0 MB, of which 0.0 MB are its own.",
    )
    assert [(step["name"], step["state"]) for step in done.steps] == [
        ("print:10", "succeeded"), ("wait:1", "succeeded"), ("end", "succeeded"),
    ]  # fmt: skip
    assert done.steps[1]["progress"]["total"] == 10
    assert done.steps[0]["finished"] <= done.steps[1]["started"]
    assert texts(done) == ["Do print:10", *(f"line {n}" for n in range(10)), "Do wait:1", "End"]
    assert done.log_lines == 13
    assert Version.objects.get().packages == {"anaconda3": {"numpy": "2.0"}}
    assert "lockfile" not in done.outcome
    until(lambda: not doorbell.is_rung(operation))
    assert ran() == ["print:10", "wait:1"]


def test_a_lost_delivery_is_swept(ask: Callable[..., Operation], workers: Crew, broker: Broker) -> None:
    workers.dismiss()
    operation = ask()
    broker.redis.flushall()
    Operation.objects.filter(pk=operation.pk).update(created_at=operation.created_at - operations.upkeep.RING_AFTER)
    workers.have("build")
    assert ended(operation).state == "succeeded"


def test_kill_9_is_seen_by_the_other_lane(
    ask: Callable[..., Operation], workers: Crew, machine: Machine, ran: Callable[[], list[str]]
) -> None:
    worker = workers.have("build")
    workers.have("live")
    operation = ask("print:3", "sleep:300")
    until(lambda: "sleep:300" in ran(), within=20)
    children = psutil.Process(worker.process.pid).children(recursive=True)
    worker.kill()
    done = ended(operation)
    assert done.state == "interrupted"
    assert done.message.startswith("The worker was killed.")
    assert [step["state"] for step in done.steps] == ["succeeded", "interrupted", "waiting"]
    until(lambda: logs.tail(done, 1)[0].text == done.message)
    assert "line 2" in texts(done)
    assert done.log_lines == len(texts(done))
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    until(lambda: is_free(Layout(Path(machine.root)), "build"))
    again = operations.retry(operation=done, by=None)
    assert again.state == "queued"


def test_kill_9_is_seen_at_the_start_of_the_next_worker(
    ask: Callable[..., Operation], workers: Crew, ran: Callable[[], list[str]]
) -> None:
    worker = workers.alone("build", period=60)
    operation = ask("wait:60")
    until(ran, within=20)
    worker.kill()
    assert state_of(operation) == "running"
    workers.alone("build", period=60)
    assert ended(operation).state == "interrupted"


def test_an_operation_whose_children_live_is_not_given_up(
    ask: Callable[..., Operation], workers: Crew, ran: Callable[[], list[str]]
) -> None:
    worker = workers.have("build")
    operation = ask("orphan:4", "wait:60")
    until(lambda: "wait:60" in ran(), within=20)
    worker.kill()
    assert operations.reap() == []
    until(lambda: operations.reap() == [operation.pk])
    assert state_of(operation) == "interrupted"


def test_cancel(ask: Callable[..., Operation], workers: Crew, people: People, ran: Callable[[], list[str]]) -> None:
    workers.have("build")
    operation = ask("succeed", "wait:60")
    until(lambda: "wait:60" in ran(), within=20)
    began = time.monotonic()
    operations.request_cancel(operation=operation, by=people.operator)
    done = ended(operation)
    assert time.monotonic() - began < 4
    assert done.state == "cancelled"
    assert done.message == "Cancelled by operator during “Do wait:60”; what was begun was undone."
    assert texts(done)[-2:] == ["wait:60 was undone", "succeed was undone"]


def test_sigterm_interrupts_and_ends_the_worker(
    ask: Callable[..., Operation], workers: Crew, ran: Callable[[], list[str]]
) -> None:
    worker = workers.have("build")
    operation = ask("succeed", "sleep:300")
    until(lambda: "sleep:300" in ran(), within=20)
    began = time.monotonic()
    worker.end(signal.SIGTERM)
    assert time.monotonic() - began < 10
    operation.refresh_from_db()
    assert operation.state == "interrupted"
    assert operation.message.startswith("The worker was stopped during “Do sleep:300”")


def test_what_runs_may_end_within_the_grace_and_what_waits_is_left_to_the_next(
    ask: Callable[..., Operation], workers: Crew, ran: Callable[[], list[str]]
) -> None:
    worker = workers.alone("build", grace=60)
    operation = ask("print:3", "wait:3", "print:2")
    until(lambda: "wait:3" in ran(), within=20)
    worker.end(signal.SIGTERM)
    operation.refresh_from_db()
    assert (operation.state, operation.log_lines) == ("succeeded", 9)
    waits = ask("succeed")
    assert state_of(waits) == "queued"
    workers.alone("build")
    assert ended(waits, within=30).state == "succeeded"


def test_what_takes_longer_than_the_grace_is_interrupted(
    ask: Callable[..., Operation], workers: Crew, ran: Callable[[], list[str]]
) -> None:
    worker = workers.alone("build", grace=2)
    operation = ask("succeed", "sleep:300")
    until(lambda: "sleep:300" in ran(), within=20)
    began = time.monotonic()
    worker.end(signal.SIGTERM)
    assert 2 <= time.monotonic() - began < 12
    operation.refresh_from_db()
    assert operation.state == "interrupted"
    assert operation.message.startswith("The worker was stopped during “Do sleep:300”")
    workers.dismiss()


def test_redis_away_in_the_middle_costs_nothing(
    ask: Callable[..., Operation], workers: Crew, broker: Broker, ran: Callable[[], list[str]]
) -> None:
    workers.have("build")
    operation = ask("wait:1", "print:5000", "wait:2")
    until(ran, within=20)
    broker.stop()
    done = ended(operation)
    assert (done.state, done.log_lines) == ("succeeded", 5004)
    broker.start()


def test_a_build_goes_on_to_its_deploy(ask: Callable[..., Operation], workers: Crew, sealed: Seal) -> None:
    sealed("a")
    workers.have("build")
    workers.have("live")
    operation = ask(deploy=True)
    done = ended(operation)
    child = done.children.get()
    assert (child.kind, child.parameters) == ("deploy", {"version": "a"})
    assert ended(child).message == "“a” is active."


def test_a_build_whose_deploy_must_wait_says_so(ask: Callable[..., Operation], workers: Crew, sealed: Seal) -> None:
    sealed("a")
    workers.alone("build")
    other = ask(kind="deploy")
    done = ended(ask(deploy=True))
    assert done.state == "succeeded"
    assert f"It was not deployed: local is busy: the deploy of a (#{other.pk}," in done.message
    assert not done.children.exists()
