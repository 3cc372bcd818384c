"""The hub: one reader per operation whatever the number of pages, no line lost or told twice, with Redis or without."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.utils import timezone

from stacks import operations, sse
from stacks.engine.events import Event
from stacks.logs import LogLine, LogWriter
from stacks.models import Machine, Operation
from tests.broker import Broker
from tests.conftest import People

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.anyio]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def operation(people: People) -> Operation:
    machine = Machine.objects.create(name="gp12", root="/data0")
    return Operation.objects.create(
        machine=machine, kind="build", lane="build", state="running", parameters={"version": "a"},
        started_at=timezone.now(), heartbeat_at=timezone.now(),
        steps=[{"name": "s", "title": "Resolve", "state": "running"}],
    )  # fmt: skip


def write(writer: LogWriter, *texts: str) -> None:
    for text in texts:
        writer.sink(Event("output", text, "s"))


def finish(operation: Operation, writer: LogWriter) -> None:
    operations.finish(operation_id=operation.pk, state="succeeded", message="done", log_lines=writer.store())
    writer.close("succeeded")


def numbers(wire: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb'id="L(\d+)"', wire)]


def told(wire: bytes) -> list[int]:
    """Give the lines that a page was told of, sent or passed over, in the order of the wire."""
    found = re.findall(rb'id="L(\d+)"|\{"first": (\d+), "last": (\d+)\}', wire)
    spans = [(int(n or first), int(n or last)) for n, first, last in found]
    return [n for first, last in spans for n in range(first, last + 1)]


async def read_all(hub: sse.Hub, operation: Operation, seen: int = 0, limit: float = 20) -> bytes:
    async with asyncio.timeout(limit):
        return b"".join([part async for part in hub.events(operation.pk, seen, lambda: True)])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # nothing tells this from outside
            await asyncio.sleep(0.02)


def test_an_event_has_its_lines_and_the_number_of_the_last() -> None:
    lines = [LogLine(7, 0, "output", "s", "a\x1b[31m<b>"), LogLine(8, 0, "error", "s", "c")]
    data = sse.log_frame(lines).data.decode()
    assert data.startswith("event: log\nid: 8\ndata: <div ")
    assert data.endswith("\n\n")
    assert "&lt;b&gt;" in data
    assert "is-error" in data


def test_a_text_with_odd_line_ends_stays_one_event() -> None:
    data = sse.frame("steps", "a\rb\r\nc\n\nevent: done\rdata: failed", last=3).data.decode()
    fields = [line.partition(": ")[::2] for line in re.split(r"\r\n|\r|\n", data.removesuffix("\n\n"))]
    assert fields[:2] == [("event", "steps"), ("id", "3")]
    assert [value for name, value in fields[2:] if name == "data"] == ["a", "b", "c", "", "event: done", "data: failed"]
    assert len(fields) == 8


def test_lines_that_come_too_fast_are_passed_over_and_their_place_is_told() -> None:
    lines = [LogLine(n, 0, "output", "s", "x") for n in range(11, 5011)]
    gap, shown = sse.frames_for(lines, 10)
    assert b'{"first": 11, "last": 4910}' in gap.data
    assert numbers(shown.data) == list(range(4911, 5011))
    assert len(sse.frames_for(lines[:500], 10)) == 1


def test_of_a_flood_only_the_newest_batches_are_read() -> None:
    rows = json.dumps([[0, "output", "s", "x"]] * 500)
    entries = [{"n": str(first), "c": "500", "d": rows} for first in range(1, 6000, 500)]
    assert [line.n for line in sse.newest([{"s": "{}"}, *entries])] == list(range(5001, 6001))


def test_lines_that_were_told_are_not_told_again() -> None:
    assert sse.frames_for([LogLine(3, 0, "output", "s", "x")], 3) == []


async def test_follows_from_the_first_line_to_the_end(broker: Broker, operation: Operation) -> None:
    hub, writer = sse.Hub(), await sync_to_async(LogWriter)(operation.pk)
    await sync_to_async(write)(writer, "one", "two")
    reading = asyncio.create_task(read_all(hub, operation))
    await until(lambda: operation.pk in hub.rooms and hub.rooms[operation.pk].ready.is_set())
    await sync_to_async(write)(writer, *(f"line {n}" for n in range(3, 2501)))
    await asyncio.sleep(0.5)
    await sync_to_async(finish)(operation, writer)
    wire = await reading
    assert told(wire) == list(range(1, 2501))
    assert wire.rstrip().endswith(b"event: done\ndata: succeeded")
    assert b"Resolve" in wire
    assert hub.rooms == {}
    assert hub.streams == 0


async def test_many_viewers_share_one_reader(broker: Broker, operation: Operation) -> None:
    hub, writer = sse.Hub(), await sync_to_async(LogWriter)(operation.pk)
    readings = [asyncio.create_task(read_all(hub, operation)) for _ in range(20)]
    await until(lambda: hub.streams == 20)
    assert len(hub.rooms) == 1
    await sync_to_async(write)(writer, *(f"line {n}" for n in range(1, 101)))
    await sync_to_async(finish)(operation, writer)
    for wire in await asyncio.gather(*readings):
        assert numbers(wire) == list(range(1, 101))


async def test_resumes_after_the_line_that_was_seen_last(broker: Broker, operation: Operation) -> None:
    hub, writer = sse.Hub(), await sync_to_async(LogWriter)(operation.pk)
    await sync_to_async(write)(writer, *(f"line {n}" for n in range(1, 51)))
    await asyncio.sleep(0.4)
    reading = asyncio.create_task(read_all(hub, operation, seen=40))
    await until(lambda: operation.pk in hub.rooms)
    await sync_to_async(write)(writer, "line 51")
    await sync_to_async(finish)(operation, writer)
    assert numbers(await reading) == list(range(41, 52))


async def test_lives_without_redis(no_broker: None, operation: Operation) -> None:
    hub, writer = sse.Hub(), await sync_to_async(LogWriter)(operation.pk)
    reading = asyncio.create_task(read_all(hub, operation))
    await until(lambda: operation.pk in hub.rooms)
    await sync_to_async(write)(writer, "one", "two", "three")
    await asyncio.sleep(0.3)
    await sync_to_async(finish)(operation, writer)
    wire = await reading
    assert numbers(wire) == [1, 2, 3]
    assert b"event: done" in wire


async def test_a_page_older_than_the_end_is_told_the_end(broker: Broker, operation: Operation) -> None:
    writer = await sync_to_async(LogWriter)(operation.pk)
    await sync_to_async(write)(writer, "one")
    await sync_to_async(finish)(operation, writer)
    wire = await read_all(sse.Hub(), operation, seen=1)
    assert numbers(wire) == []
    assert b"event: done" in wire


async def test_an_operation_whose_worker_was_killed_ends_too(broker: Broker, operation: Operation) -> None:
    hub = sse.Hub()
    reading = asyncio.create_task(read_all(hub, operation))
    await until(lambda: operation.pk in hub.rooms and hub.rooms[operation.pk].ready.is_set())
    gone = {"state": "interrupted", "finished_at": timezone.now(), "message": "The worker was stopped."}
    await Operation.objects.filter(pk=operation.pk).aupdate(**gone)
    assert b"The worker was stopped." in await reading


async def test_a_page_that_left_leaves_nothing_behind(broker: Broker, operation: Operation) -> None:
    hub = sse.Hub()
    events = hub.events(operation.pk, 0, lambda: True)
    assert await anext(events) == b"retry: 1000\n\n"
    assert hub.streams == 1
    await events.aclose()  # type: ignore[attr-defined]
    assert (hub.streams, hub.rooms) == (0, {})


async def test_a_page_that_cannot_keep_up_is_let_go() -> None:
    viewer = sse.Viewer()
    for _ in range(sse.BACKLOG + 1):
        viewer.offer(sse.Frame(b"x"))
    assert len([item async for item in sse._queued(viewer, lambda: True)]) == sse.BACKLOG


async def test_somebody_who_lost_the_right_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "KEEP_ALIVE", 0.05)
    answers = iter([True, False])
    told = [item.data async for item in sse._queued(sse.Viewer(), lambda: next(answers))]
    assert told == [b": keep-alive\n\n"]


async def test_the_view_streams_to_those_who_are_signed_in(people: People, operation: Operation) -> None:
    await Operation.objects.filter(pk=operation.pk).aupdate(state="failed", finished_at=timezone.now())
    client = AsyncClient()
    address = f"/operations/{operation.pk}/stream"
    assert (await client.get(address)).status_code == 302
    await client.aforce_login(people.viewer)
    response = await client.get(address, headers={"last-event-id": "0"})
    assert response["Content-Type"] == "text/event-stream"
    assert response["X-Accel-Buffering"] == "no"
    wire = b"".join([part async for part in response])  # type: ignore[attr-defined]
    assert b"event: done\ndata: failed" in wire
    assert (await client.post(address)).status_code == 405
    assert (await client.get("/operations/999999/stream")).status_code == 404


async def test_a_full_process_says_when_to_come_back(
    people: People, operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse.Hub, "is_full", lambda self: True)
    client = AsyncClient()
    await client.aforce_login(people.viewer)
    response = await client.get(f"/operations/{operation.pk}/stream")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
