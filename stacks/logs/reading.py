"""Reading the log of any operation: stored chunks, and for what is not stored yet the spool here or the stream."""

from __future__ import annotations

import time
from collections.abc import Iterator

from stacks.logs import chunks, spool, stream
from stacks.logs.lines import LogLine, decode
from stacks.models import Operation

POLL = 0.2
END = 1 << 40  # a number that no line reaches

Rows = tuple[int, list[bytes]]  # the number of the first line, and the lines as JSON


def read_lines(operation: Operation, first: int, last: int) -> list[LogLine]:
    """Read the lines from `first` to `last`, both included; those that do not exist are left out."""
    # The newest first: a spool file that goes in between has been stored by then.
    recent = {line.n: line for rows in unstored(operation, first, last) for line in decode(*rows)}
    stored = {line.n: line for line in chunks.read(operation.pk, first, last)}
    return [line for _, line in sorted((recent | stored).items())]


def tail(operation: Operation, count: int) -> list[LogLine]:
    """Read the last `count` lines."""
    last = last_line(operation)
    return read_lines(operation, max(1, last - count + 1), last) if last else []


def last_line(operation: Operation) -> int:
    """Give the number of the last line that can be read, 0 when there is none."""
    if operation.is_final and operation.log_lines:
        return operation.log_lines
    newest = [first + len(rows) - 1 for first, rows in unstored(operation, 1, END, only_newest=True) if rows]
    return max([chunks.last_line(operation.pk), *newest])


def follow(operation_id: int, first: int = 1) -> Iterator[LogLine]:
    """Give the lines from `first` on as they come, until the operation has ended; waits in between."""
    while True:
        operation = Operation.objects.get(pk=operation_id)
        lines = read_lines(operation, first, first + spool.CHUNK_LINES - 1)
        yield from lines
        first = lines[-1].n + 1 if lines else first
        if len(lines) < spool.CHUNK_LINES:
            if operation.is_final:
                return
            time.sleep(POLL)


def unstored(operation: Operation, first: int, last: int, *, only_newest: bool = False) -> Iterator[Rows]:
    """Give the JSON lines that may not be stored yet; also of an ended operation, whose spool a killed worker left."""
    if spool.directory(operation.pk).is_dir():
        files = spool.files(operation.pk)
        yield from _spooled(files[-1:] if only_newest else files, first, last)
    elif not operation.is_final:
        yield from _streamed(operation.pk, first, last)


def _spooled(files: list[spool.SpoolFile], first: int, last: int) -> Iterator[Rows]:
    for position, file in enumerate(files, 1):
        ends_before_first = position < len(files) and files[position].first_line <= first
        if file.first_line > last or ends_before_first:
            continue
        try:
            rows = file.rows()
        except FileNotFoundError:
            continue
        yield _within(file.first_line, rows, first, last)


def _streamed(operation_id: int, first: int, last: int) -> Iterator[Rows]:
    for number, rows in stream.read(operation_id):
        yield _within(number, rows, first, last)


def _within(number: int, rows: list[bytes], first: int, last: int) -> Rows:
    start = max(0, first - number)
    return number + start, rows[start : max(0, last - number + 1)]
