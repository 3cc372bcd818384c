"""The log as a Redis stream: the tail that live pages read. Redis may be away at any time; the spool has everything."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any, cast

from redis import Redis

from stacks.breaker import Breaker, breaker

KEPT_LINES = 3 * 2000  # more than a chunk, so that what is not stored yet is in the stream
KEPT_BYTES = 8 * 1024 * 1024
EXPIRY = 3600


def key(operation_id: int) -> str:
    """Name the stream of an operation."""
    return f"dlstack:log:{operation_id}"


class Tail:
    """The writing end of one operation's stream; entries older than `KEPT_LINES` lines are trimmed away."""

    def __init__(self, operation_id: int, through: Breaker = breaker) -> None:
        self._key = key(operation_id)
        self._breaker = through
        self._kept: deque[tuple[str, int, int]] = deque()
        self._lines = self._bytes = 0

    def add(self, first_line: int, rows: list[str]) -> bool:
        """Add consecutive lines as one entry; False when Redis is away."""
        data = f"[{','.join(rows)}]"
        entry = self._add({"n": str(first_line), "c": str(len(rows)), "d": data})
        if entry is None:
            return False
        self._kept.append((entry, len(rows), len(data)))
        self._lines += len(rows)
        self._bytes += len(data)
        self._trim()
        return True

    def state(self, document: dict[str, Any]) -> bool:
        """Tell that the state changed; False when Redis is away."""
        return self._add({"s": json.dumps(document, separators=(",", ":"))}) is not None

    def end(self, state: str) -> None:
        """Tell the end; the stream goes an hour later."""
        self._add({"eof": "1", "state": state})
        self._breaker.call(lambda redis: redis.expire(self._key, EXPIRY))

    def _add(self, fields: dict[str, str]) -> str | None:
        message: dict[Any, Any] = {**fields}
        return self._breaker.call(lambda redis: str(redis.xadd(self._key, message)))

    def _trim(self) -> None:
        oldest = ""
        while len(self._kept) > 1 and (self._lines > KEPT_LINES or self._bytes > KEPT_BYTES):
            _, lines, size = self._kept.popleft()
            self._lines -= lines
            self._bytes -= size
            oldest = self._kept[0][0]
        if oldest:
            self._breaker.call(lambda redis: redis.xtrim(self._key, minid=oldest, approximate=True))


def publish_state(operation_id: int, document: dict[str, Any]) -> None:
    """Tell the pages of an operation that its state changed, from outside its worker."""
    tail = Tail(operation_id)
    if tail.state(document):
        breaker.call(lambda redis: redis.expire(key(operation_id), 24 * EXPIRY, nx=True))


def read(operation_id: int) -> Iterator[tuple[int, list[bytes]]]:
    """Give the stream's batches: the number of the first line, and the lines as JSON."""
    entries: list[tuple[str, dict[str, str]]] = breaker.call(lambda redis: _xrange(redis, key(operation_id))) or []
    for _, fields in entries:
        if "n" in fields:
            rows = [json.dumps(row, ensure_ascii=False).encode() for row in json.loads(fields["d"])]
            yield int(fields["n"]), rows


def _xrange(redis: Redis, name: str) -> list[tuple[str, dict[str, str]]]:
    # redis-py types an entry as if its fields could be missing, for the sake of XAUTOCLAIM.
    return cast("list[tuple[str, dict[str, str]]]", redis.xrange(name))
