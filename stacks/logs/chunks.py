"""The stored log: compressed chunks of lines in the database."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from stacks.logs import spool
from stacks.logs.lines import LogLine, decode
from stacks.models import LogChunk


def store(operation_id: int, file: spool.SpoolFile) -> None:
    """Store a spool file as a chunk, then delete it; storing it again changes nothing."""
    try:
        rows = file.rows()
    except FileNotFoundError:  # another process completed the same log
        return
    if rows:
        chunk = LogChunk(
            operation_id=operation_id,
            first_line=file.first_line,
            lines=len(rows),
            data=zlib.compress(b"\n".join(rows), level=6),
        )
        LogChunk.objects.bulk_create([chunk], ignore_conflicts=True)
    file.path.unlink(missing_ok=True)


def read(operation_id: int, first: int, last: int) -> Iterator[LogLine]:
    """Read the stored lines from `first` to `last`, both included, in order."""
    for number, data in blocks(operation_id, first, last):
        start = max(0, first - number)
        yield from decode(number + start, data.split(b"\n")[start : last - number + 1])


def blocks(operation_id: int, first: int, last: int) -> Iterator[tuple[int, bytes]]:
    """Give the chunks that hold the lines from `first` to `last`: the number of the first line, and the JSON lines."""
    stored = LogChunk.objects.filter(operation_id=operation_id).order_by("first_line")
    # Both ends by the index: a range of a long log must cost no more than one of a short log.
    begins = stored.filter(first_line__lte=first).order_by("-first_line").values_list("first_line", flat=True).first()
    found = stored.filter(first_line__gte=begins or 0, first_line__lte=last)
    for chunk in found.iterator(chunk_size=4):
        if chunk.first_line + chunk.lines > first:
            yield chunk.first_line, zlib.decompress(chunk.data)


def last_line(operation_id: int) -> int:
    """Give the number of the last stored line, 0 when there is none."""
    stored = LogChunk.objects.filter(operation_id=operation_id).order_by("-first_line")
    newest = stored.values_list("first_line", "lines").first()
    return newest[0] + newest[1] - 1 if newest else 0
