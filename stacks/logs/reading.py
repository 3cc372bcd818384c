"""Reading the log of any operation: stored chunks, and for what is not stored yet the spool here or the stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from stacks.logs import chunks, spool, stream
from stacks.logs.lines import LogLine, decode, plain
from stacks.models import Operation

POLL = 0.2


def read_lines(operation: Operation, first: int, last: int) -> list[LogLine]:
    """Read the lines from `first` to `last`, both included; those that do not exist are left out."""
    # The newest first: a spool file that goes in between has been stored by then.
    recent = {line.n: line for line in _recent(operation, first, last)}
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
    recent = max((line.n for line in _recent(operation, 1, 1 << 40, only_newest=True)), default=0)
    return max(recent, chunks.last_line(operation.pk))


def search(operation: Operation, query: str, limit: int = 200) -> list[LogLine]:
    """Find the first `limit` lines whose text holds `query`, whatever the case and the colours."""
    wanted = query.lower()
    found: list[LogLine] = []
    for line in _candidates(operation, wanted):
        if wanted in plain(line.text).lower():
            found.append(line)
            if len(found) >= limit:
                break
    return found


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


def _candidates(operation: Operation, wanted: str) -> Iterator[LogLine]:
    recent = {line.n: line for line in _recent(operation, 1, 1 << 40)}
    needle = json.dumps(wanted, ensure_ascii=False)[1:-1].encode()
    for line in chunks.scan(operation.pk, needle):
        recent.pop(line.n, None)
        yield line
    for _, line in sorted(recent.items()):
        yield line


def _recent(operation: Operation, first: int, last: int, *, only_newest: bool = False) -> Iterator[LogLine]:
    """Give lines that may not be stored yet; also of an ended operation, whose spool may be left by a killed worker."""
    if spool.directory(operation.pk).is_dir():
        files = spool.files(operation.pk)
        yield from _spooled(files[-1:] if only_newest else files, first, last)
    elif not operation.is_final:
        yield from _streamed(operation.pk, first, last)


def _spooled(files: list[spool.SpoolFile], first: int, last: int) -> Iterator[LogLine]:
    for position, file in enumerate(files, 1):
        ends_before_first = position < len(files) and files[position].first_line <= first
        if file.first_line > last or ends_before_first:
            continue
        try:
            rows = file.rows()
        except FileNotFoundError:
            continue
        start = max(0, first - file.first_line)
        yield from decode(file.first_line + start, rows[start : last - file.first_line + 1])


def _streamed(operation_id: int, first: int, last: int) -> Iterator[LogLine]:
    for number, rows in stream.read(operation_id):
        start = max(0, first - number)
        yield from decode(number + start, rows[start : max(0, last - number + 1)])
