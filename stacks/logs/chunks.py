"""The stored log: compressed chunks of lines in the database."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from django.db.models import F, Max

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
    chunks = LogChunk.objects.filter(
        operation_id=operation_id, first_line__lte=last, first_line__gt=first - F("lines")
    ).order_by("first_line")
    for chunk in chunks.iterator(chunk_size=4):
        start = max(0, first - chunk.first_line)
        rows = zlib.decompress(chunk.data).split(b"\n")[start : last - chunk.first_line + 1]
        yield from decode(chunk.first_line + start, rows)


def scan(operation_id: int, needle: bytes) -> Iterator[LogLine]:
    """Give the stored lines whose JSON may hold `needle` (lower case), in order; lines with colours always."""
    chunks = LogChunk.objects.filter(operation_id=operation_id).order_by("first_line")
    for chunk in chunks.iterator(chunk_size=4):
        for n, row in enumerate(zlib.decompress(chunk.data).split(b"\n"), chunk.first_line):
            if b"\\u001b" in row or not row.isascii() or needle in row.lower():
                yield from decode(n, [row])


def last_line(operation_id: int) -> int:
    """Give the number of the last stored line, 0 when there is none."""
    newest = LogChunk.objects.filter(operation_id=operation_id).aggregate(end=Max(F("first_line") + F("lines") - 1))
    return newest["end"] or 0
