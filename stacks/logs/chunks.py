"""The stored log: compressed chunks of lines in the database."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from django.db.models import BinaryField, Case, F, Value, When

from stacks.logs import spool
from stacks.logs.erring import erring
from stacks.logs.lines import LogLine, decode
from stacks.models import LogChunk

THREADS, AHEAD = 2, 6


class Block(NamedTuple):
    """Consecutive lines of a log: the number of the first, how many they are, and the lines as JSON."""

    first: int
    lines: int
    data: bytes


def store(operation_id: int, file: spool.SpoolFile) -> None:
    """Store a spool file as a chunk, then delete it; storing it again changes nothing."""
    try:
        rows = file.rows()
    except FileNotFoundError:  # another process completed the same log
        return
    if rows:
        LogChunk.objects.bulk_create([packed(operation_id, file.first_line, rows)], ignore_conflicts=True)
    file.path.unlink(missing_ok=True)


def packed(operation_id: int, first_line: int, rows: list[bytes]) -> LogChunk:
    """Make the chunk that holds these JSON lines."""
    data = b"\n".join(rows)
    errors = sum(1 for _ in erring(first_line, data))
    compressed = zlib.compress(data, level=6)
    return LogChunk(
        operation_id=operation_id, first_line=first_line, lines=len(rows), errors=errors, data=compressed
    )  # fmt: skip


def read(operation_id: int, first: int, last: int) -> Iterator[LogLine]:
    """Read the stored lines from `first` to `last`, both included, in order."""
    for number, _, data in blocks(operation_id, first, last):
        start = max(0, first - number)
        yield from decode(number + start, data.split(b"\n")[start : last - number + 1])


def blocks(operation_id: int, first: int, last: int, *, only_erring: bool = False) -> Iterator[Block]:
    """Give the chunks that hold the lines from `first` to `last`; `only_erring`: no data where no line errs."""
    stored = LogChunk.objects.filter(operation_id=operation_id).order_by("first_line")
    # Both ends by the index: a range of a long log must cost no more than one of a short log.
    begins = stored.filter(first_line__lte=first).order_by("-first_line").values_list("first_line", flat=True).first()
    found = stored.filter(first_line__gte=begins or 0, first_line__lte=last)
    data = (
        Case(When(errors=0, then=Value(b"")), default="data", output_field=BinaryField()) if only_erring else F("data")
    )
    rows = found.values_list("first_line", "lines", data).iterator(chunk_size=4)
    yield from _unpacked(row for row in rows if row[0] + row[1] > first)


def _unpacked(rows: Iterable[tuple[int, int, bytes]]) -> Iterator[Block]:
    """Unpack chunks a few ahead of whoever looks through them: zlib lets other threads work meanwhile."""
    ahead: deque[Future[Block]] = deque()
    with ThreadPoolExecutor(THREADS) as pool:
        for row in rows:
            ahead.append(pool.submit(_block, *row))
            if len(ahead) > AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _block(first: int, lines: int, compressed: bytes) -> Block:
    return Block(first, lines, zlib.decompress(compressed) if compressed else b"")


def last_line(operation_id: int) -> int:
    """Give the number of the last stored line, 0 when there is none."""
    stored = LogChunk.objects.filter(operation_id=operation_id).order_by("-first_line")
    newest = stored.values_list("first_line", "lines").first()
    return newest[0] + newest[1] - 1 if newest else 0
