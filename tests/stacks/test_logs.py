"""Logs from the worker's sink to a reader: nothing lost, numbers stable, whoever is away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from stacks import logs
from stacks.engine.events import Event
from stacks.logs import LogLine, LogWriter, chunks, reading, spool, stream
from stacks.models import LogChunk, Machine, Operation
from tests.broker import Broker
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def operation(machine: Machine) -> Operation:
    return Operation.objects.create(
        machine=machine, kind="build", lane="build", state="running", started_at=Now(), heartbeat_at=Now()
    )


@pytest.fixture
def writer(operation: Operation, broker: Broker) -> Iterator[LogWriter]:
    made = LogWriter(operation.pk)
    yield made
    made._stop()


def say(writer: LogWriter, count: int, *, first: int = 1) -> None:
    for number in range(first, first + count):
        writer.sink(Event("output", f"line {number}", "step"))


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


def end(operation: Operation, lines: int) -> None:
    Operation.objects.filter(pk=operation.pk).update(state="succeeded", finished_at=Now(), log_lines=lines)
    operation.refresh_from_db()


def test_lines_can_be_read_at_once(operation: Operation, writer: LogWriter) -> None:
    say(writer, 3)
    assert texts(logs.read_lines(operation, 1, 10)) == ["line 1", "line 2", "line 3"]
    assert texts(logs.tail(operation, 2)) == ["line 2", "line 3"]
    assert logs.last_line(operation) == 3


def test_a_whole_log(operation: Operation, writer: LogWriter, broker: Broker) -> None:
    say(writer, 4500)
    until(lambda: LogChunk.objects.filter(operation=operation).count() == 2)
    assert texts(logs.read_lines(operation, 1999, 2002)) == [f"line {n}" for n in range(1999, 2003)]
    assert [line.n for line in logs.read_lines(operation, 1, 9999)] == list(range(1, 4501))
    assert writer.store() == 4500
    end(operation, 4500)
    writer.close("succeeded")
    assert [line.n for line in logs.read_lines(operation, 1, 9999)] == list(range(1, 4501))
    assert texts(logs.tail(operation, 1)) == ["line 4500"]
    assert not spool.directory(operation.pk).exists()
    assert LogChunk.objects.count() == 3
    assert broker.redis.ttl(stream.key(operation.pk)) > 3000


def test_the_stream_has_batches_a_state_and_the_end(operation: Operation, writer: LogWriter, broker: Broker) -> None:
    say(writer, 1200)
    writer.state({"state": "running", "steps": []})
    writer.close("succeeded")
    entries = [fields for _, fields in broker.redis.xrange(stream.key(operation.pk))]
    batches = [fields for fields in entries if "n" in fields]
    numbers = [int(fields["n"]) + at for fields in batches for at in range(int(fields["c"]))]
    assert numbers == list(range(1, 1201))
    assert all(len(json.loads(fields["d"])) == int(fields["c"]) <= 500 for fields in batches)
    assert json.loads(next(fields["s"] for fields in entries if "s" in fields))["state"] == "running"
    assert entries[-1] == {"eof": "1", "state": "succeeded"}


def test_a_line_is_in_the_stream_soon(operation: Operation, writer: LogWriter, broker: Broker) -> None:
    say(writer, 1)
    until(lambda: broker.redis.xlen(stream.key(operation.pk)), within=0.5)


def test_the_stream_keeps_only_the_tail(operation: Operation, writer: LogWriter, broker: Broker) -> None:
    say(writer, 20_000)
    writer.store()
    batches = list(stream.read(operation.pk))
    assert stream.KEPT_LINES - 500 <= sum(len(rows) for _, rows in batches) <= 2 * stream.KEPT_LINES


def test_without_redis_nothing_is_lost_and_nothing_is_slow(
    operation: Operation, writer: LogWriter, no_broker: None
) -> None:
    began = time.monotonic()
    say(writer, 5000)
    took = time.monotonic() - began
    assert writer.store() == 5000
    writer.close("failed")
    assert took < 2
    assert [line.n for line in logs.read_lines(operation, 1, 9999)] == list(range(1, 5001))


def test_what_redis_missed_is_sent_when_it_is_back(operation: Operation, writer: LogWriter, broker: Broker) -> None:
    broker.stop()
    say(writer, 10)
    time.sleep(0.5)
    broker.start()
    say(writer, 10, first=11)
    writer.store()
    assert [first + at for first, rows in stream.read(operation.pk) for at in range(len(rows))] == list(range(1, 21))


def test_a_redis_that_hangs_holds_nobody_up(operation: Operation, writer: LogWriter, broker: Broker) -> None:
    broker.redis.execute_command("CLIENT", "PAUSE", "3000", "ALL")
    began = time.monotonic()
    say(writer, 3000)
    assert time.monotonic() - began < 1
    writer.store()
    assert time.monotonic() - began < 2
    until(broker._answers)


def test_a_killed_worker_loses_no_whole_line(operation: Operation, broker: Broker) -> None:
    killed = spool.SpoolWriter(operation.pk, 1)
    killed.append(['[1,"output","s","one"]', '[1,"output","s","two"]'])
    file = killed.close()
    assert file is not None
    with file.path.open("ab") as half:
        half.write(b'[1,"output","s","thr')
    assert texts(logs.tail(operation, 5)) == ["one", "two"]
    successor = LogWriter(operation.pk)
    successor.sink(Event("error", "The worker was killed."))
    assert successor.store() == 3
    assert texts(logs.read_lines(operation, 1, 9)) == ["one", "two", "The worker was killed."]


def test_completing_twice_is_the_same_as_once(operation: Operation, broker: Broker) -> None:
    say(killed := LogWriter(operation.pk), 2500)
    killed._stop()
    end(operation, 0)
    assert logs.complete(operation.pk, "interrupted") == 2500
    assert logs.complete(operation.pk, "interrupted") == 2500
    assert [line.n for line in logs.read_lines(operation, 1, 9999)] == list(range(1, 2501))


def test_two_chunks_of_the_same_lines_are_one(operation: Operation) -> None:
    for _ in range(2):
        again = spool.SpoolWriter(operation.pk, 1)
        again.append(['[1,"output","s","one"]'])
        file = again.close()
        assert file is not None
        chunks.store(operation.pk, file)
    assert LogChunk.objects.count() == 1


def test_a_full_disk_loses_lines_but_says_so(operation: Operation, writer: LogWriter) -> None:
    say(writer, 1)
    directory = spool.directory(operation.pk)
    writer._spool.close()
    directory.rename(directory.with_name("away"))
    say(writer, 2, first=2)
    directory.with_name("away").rename(directory)
    say(writer, 1, first=4)
    assert texts(logs.read_lines(operation, 1, 9)) == [
        "line 1",
        "2 lines could not be written: the disk of the log was full.",
        "line 4",
    ]


def test_many_threads_write_whole_lines(operation: Operation, writer: LogWriter) -> None:
    threads = [threading.Thread(target=say, args=(writer, 300), kwargs={"first": 1000 * n}) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.store() == 2400
    wanted = {f"line {1000 * n + i}" for n in range(1, 9) for i in range(300)}
    assert set(texts(logs.read_lines(operation, 1, 9999))) == wanted


def test_from_another_host_the_stream_has_what_is_not_stored(
    operation: Operation, writer: LogWriter, broker: Broker, settings: object
) -> None:
    say(writer, 4100)
    until(lambda: LogChunk.objects.count() == 2)
    writer._stop()
    writer._send()
    settings.LOG_SPOOL = spool.directory(operation.pk) / "elsewhere"  # type: ignore[attr-defined]
    assert [line.n for line in logs.read_lines(operation, 1, 9999)] == list(range(1, 4101))
    assert texts(logs.tail(operation, 1)) == ["line 4100"]


def test_search(operation: Operation, writer: LogWriter) -> None:
    say(writer, 2500)
    for text in ('say "hello" \\o/', "\x1b[31mFa\x1b[0milure", "ÜNÏCÖDE", "a failure"):
        writer.sink(Event("output", text))
    for stored in (False, True):
        if stored:
            writer.store()
        assert texts(logs.search(operation, "line 24", limit=3).lines) == ["line 24", "line 240", "line 241"]
        assert hits(logs.search(operation, "failure")) == [2502, 2504]
        assert hits(logs.search(operation, '"HELLO" \\o')) == [2501]
        assert hits(logs.search(operation, "ünïcöde")) == [2503]
        assert hits(logs.search(operation, "output")) == []
        assert logs.search(operation, "nowhere") == logs.Found([], 2504, complete=True)


def hits(found: logs.Found) -> list[int]:
    return [line.n for line in found.lines]


def test_a_backslash_before_a_colour_is_found(operation: Operation, writer: LogWriter) -> None:
    for text in ("C:\\\x1b[31mtemp", "literally \\u001b[31m so"):
        writer.sink(Event("output", text))
    assert hits(logs.search(operation, "c:\\temp")) == [1]
    assert hits(logs.search(operation, "\\u001b[31m")) == [2]


def test_a_search_ends_in_time_and_says_how_far_it_came(operation: Operation, writer: LogWriter) -> None:
    say(writer, 5)
    assert logs.search(operation, "line", seconds=-1) == logs.Found([], 0, complete=False)
    found = logs.search(operation, "line", limit=2)
    assert (hits(found), found.searched, found.complete) == ([1, 2], 2, False)


@pytest.mark.parametrize(
    ("kind", "text", "is_one"),
    [
        ("error", "anything", True),
        ("output", "E: Unable to locate package", True),
        ("output", "\x1b[31mERROR\x1b[0m: no matching distribution", True),
        ("output", "Traceback (most recent call last):", True),
        ("output", "  × No solution found when resolving dependencies:", True),
        ("output", "bash: conda: command not found", True),
        ("output", "installing libgpg-error-1.47", False),
        ("output", "0 errors", False),
        ("note", "error: of a note", False),
    ],
)
def test_what_looks_like_an_error(operation: Operation, writer: LogWriter, kind: Any, text: str, is_one: bool) -> None:
    say(writer, 3)
    writer.sink(Event(kind, text))
    for _ in range(2):
        assert hits(logs.errors(operation)) == ([4] if is_one else [])
        writer.store()


def test_only_chunks_with_errors_are_read_for_errors(operation: Operation, writer: LogWriter) -> None:
    say(writer, 2000)
    writer.sink(Event("output", "ERROR: one"))
    writer.sink(Event("error", "two"))
    writer.store()
    quiet, loud = LogChunk.objects.order_by("first_line")
    assert (quiet.errors, loud.errors) == (0, 2)
    with CaptureQueriesContext(connection) as queries:
        assert hits(logs.errors(operation)) == [2001, 2002]
    LogChunk.objects.filter(pk=quiet.pk).update(data=b"not read")
    assert logs.errors(operation) == logs.Found(logs.read_lines(operation, 2001, 2002), 2002, complete=True)
    assert len(queries) <= 3


def test_errors_in_chunks_that_nobody_counted_are_found_too(operation: Operation, writer: LogWriter) -> None:
    say(writer, 10)
    writer.sink(Event("error", "one"))
    writer.store()
    LogChunk.objects.update(errors=None)
    assert hits(logs.errors(operation)) == [11]


def test_a_range_is_found_by_the_index(operation: Operation, writer: LogWriter) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads a table of two rows whole, whatever its indices")
    say(writer, 6100)
    writer.store()
    with CaptureQueriesContext(connection) as queries:
        assert [line.n for line in logs.read_lines(operation, 4100, 4103)] == [4100, 4101, 4102, 4103]
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = " ".join(str(row) for row in cursor.fetchall())
        assert "USING INDEX" in plan or "USING COVERING INDEX" in plan
        assert "first_line" in plan


def test_follow_gives_every_line_once_until_the_end(operation: Operation, writer: LogWriter) -> None:
    def work() -> None:
        for part in range(5):
            say(writer, 900, first=900 * part + 1)
            time.sleep(0.15)
        end(operation, writer.store())

    thread = threading.Thread(target=work)
    thread.start()
    assert [line.n for line in logs.follow(operation.pk)] == list(range(1, 4501))
    thread.join()


def test_twenty_thousand_lines_a_second(operation: Operation, writer: LogWriter) -> None:
    began = time.thread_time()  # of the processor: the machine that tests may be busy
    say(writer, 20_000)
    assert time.thread_time() - began < 2  # in earnest half a second
    writer.store()
    assert reading.last_line(operation) == 20_000
