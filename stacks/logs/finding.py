"""Finding lines in a whole log, in bounded time: a text, or what looks like an error."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import get_args

from stacks.engine.events import Kind
from stacks.logs import chunks
from stacks.logs.chunks import Block
from stacks.logs.erring import erring
from stacks.logs.lines import LogLine, decode, plain
from stacks.logs.reading import END, unstored
from stacks.models import Operation

LIMIT = 200
PATIENCE = 5.0  # seconds; a million lines take one or two

_COLOUR = re.compile(rb"\\u001b\[[0-9;:]*m")
# Where the text itself holds backslashes before that, pairs are taken first: what is left belongs to a colour.
_COLOUR_OR_PAIR = re.compile(rb"(\\\\)|\\u001b\[[0-9;:]*m")
_KINDS = tuple(kind.encode() for kind in get_args(Kind))

Match = Callable[[int, bytes], Iterator[LogLine]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found up to the line `searched`; `complete` when that is the end of the log."""

    lines: list[LogLine]
    searched: int
    complete: bool


def search(operation: Operation, query: str, *, limit: int = LIMIT, seconds: float = PATIENCE) -> Found:
    """Find the first `limit` lines whose text holds `query`, whatever the case and the colours."""
    return _scan(_blocks(operation), partial(_holding, query.lower()), limit, seconds)


def errors(operation: Operation, *, limit: int = LIMIT, seconds: float = PATIENCE) -> Found:
    """Find the first `limit` lines that are errors or output that looks like one."""
    return _scan(_blocks(operation, only_erring=True), erring, limit, seconds)


def _scan(blocks: Iterator[Block], match: Match, limit: int, seconds: float) -> Found:
    give_up_at, searched = time.monotonic() + seconds, 0
    found: list[LogLine] = []
    for first, lines, data in blocks:
        if time.monotonic() > give_up_at:
            return Found(found, searched, complete=False)
        for line in match(first, data):
            found.append(line)
            if len(found) == limit:
                return Found(found, line.n, complete=False)
        searched = first + lines - 1
    return Found(found, searched, complete=True)


def _blocks(operation: Operation, *, only_erring: bool = False) -> Iterator[Block]:
    """Give the whole log in blocks, each line once; with `only_erring` without data where no line errs."""
    # The newest first, as in reading: what goes from the spool in between has been stored by then.
    recent, last = list(unstored(operation, 1, END)), 0
    for block in chunks.blocks(operation.pk, 1, END, only_erring=only_erring):
        yield block
        last = block.first + block.lines - 1
    for first, rows in recent:
        if fresh := rows[max(0, last + 1 - first) :]:
            yield Block(max(first, last + 1), len(fresh), b"\n".join(fresh))


def _holding(wanted: str, first: int, data: bytes) -> Iterator[LogLine]:
    needle = json.dumps(wanted, ensure_ascii=False)[1:-1].encode()
    folded = data.lower() if needle.isascii() else data.decode().lower().encode()
    if b"\\u001b" in folded:
        folded = _uncoloured(folded)
    # Every line of output has “output” before its text: where that is looked for, it is taken out at once.
    for kind in (kind for kind in _KINDS if needle in kind):
        folded = folded.replace(b',"%b","' % kind, b',"","')
    if needle not in folded:
        return
    rows = data.split(b"\n")
    for index, row in enumerate(folded.split(b"\n")):
        if needle in row.split(b'","', 2)[-1]:
            yield from (line for line in decode(first + index, [rows[index]]) if wanted in plain(line.text).lower())


def _uncoloured(data: bytes) -> bytes:
    return _COLOUR_OR_PAIR.sub(rb"\1", data) if b"\\\\u001b" in data else _COLOUR.sub(b"", data)
