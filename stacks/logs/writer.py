"""Writing the log of one running operation: the spool at once, Redis and the database from a thread of their own."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

from django.db import DatabaseError, close_old_connections, connection

from stacks.engine.events import Event
from stacks.logs import chunks, spool, stream
from stacks.logs.lines import encode

TICK = 0.2  # seconds between batches
BATCH = 500  # lines in one batch
BATCH_BYTES = 1024 * 1024
PAUSE = 5.0  # seconds without a try after the database failed

logger = logging.getLogger(__name__)


class LogWriter:
    """The log of one operation: `sink` takes events from any thread and returns at once.

    A line counts as written when it is in the spool; what Redis and the database do meanwhile holds up nobody.
    """

    def __init__(self, operation_id: int) -> None:
        self.operation_id = operation_id
        self._lock = threading.Lock()
        self._spool = spool.SpoolWriter(operation_id, next_line(operation_id))
        self._tail = stream.Tail(operation_id)
        self._unsent = _Waiting()
        self._state: dict[str, Any] | None = None
        self._unstored: deque[spool.SpoolFile] = deque(spool.files(operation_id))
        self._lost = 0
        self._store_again_at = 0.0
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._work, name=f"log-{operation_id}", daemon=True)
        self._thread.start()

    def sink(self, event: Event) -> None:
        """Write an event's lines to the spool; a full disk loses them but fails nothing."""
        rows = encode(event)
        with self._lock:
            try:
                self._tell_lost(event)
                self._append(rows)
            except OSError as error:
                self._lost += len(rows)
                logger.error("The log of operation %s cannot be written: %s", self.operation_id, error)
                return
            if self._spool.is_full():
                self._turn()
            crowded = self._unsent.is_crowded()
        if crowded:
            self._wake.set()

    def state(self, document: dict[str, Any]) -> None:
        """Tell live pages that the operation's state changed, after the lines written so far."""
        with self._lock:
            self._state = document

    @property
    def next_line(self) -> int:
        """The number that the next line gets."""
        return self._spool.next_line

    def store(self) -> int:
        """Store every line written so far and give their number; raises DatabaseError."""
        self._stop()
        self._send()
        with self._lock:
            self._turn()
        self._store()
        return self._spool.next_line - 1

    def close(self, state: str) -> None:
        """Store the rest, tell the pages the end, and remove the spool; what cannot be stored stays there."""
        try:
            self.store()
        except DatabaseError as error:
            logger.error("The log of operation %s stays in its spool: %s", self.operation_id, error)
        self._tail.end(state)
        spool.remove(self.operation_id)

    def _tell_lost(self, event: Event) -> None:
        if self._lost:
            text = f"{self._lost:,} lines could not be written: the disk of the log was full."
            self._append(encode(Event("warning", text, event.step, event.at)))
            self._lost = 0

    def _append(self, rows: list[str]) -> None:
        first = self._spool.next_line
        self._spool.append(rows)
        self._unsent.add(first, rows)

    def _turn(self) -> None:
        closed = self._spool.close()
        if closed is not None:
            self._unstored.append(closed)

    def _work(self) -> None:
        try:
            while not self._ended:
                self._wake.wait(TICK)
                self._wake.clear()
                self._send()
                self._try_to_store()
        finally:
            connection.close()

    def _stop(self) -> None:
        self._ended = True
        self._wake.set()
        self._thread.join()

    def _send(self) -> None:
        """Send the waiting lines in batches, then the state; what Redis did not take is tried again later."""
        while batch := self._batch():
            if not self._tail.add(batch[0][0], [row for _, row in batch]):
                self._put_back(batch)
                break
        with self._lock:
            document, self._state = self._state, None
        if document is not None:
            self._tail.state(document)

    def _batch(self) -> list[tuple[int, str]]:
        with self._lock:
            return self._unsent.batch()

    def _put_back(self, batch: list[tuple[int, str]]) -> None:
        with self._lock:
            self._unsent.put_back(batch)

    def _try_to_store(self) -> None:
        if not self._unstored or time.monotonic() < self._store_again_at:
            return
        try:
            close_old_connections()
            self._store()
        except (DatabaseError, OSError) as error:
            self._store_again_at = time.monotonic() + PAUSE
            connection.close()
            logger.warning("Storing the log of operation %s later: %s", self.operation_id, error)

    def _store(self) -> None:
        while self._unstored:
            chunks.store(self.operation_id, self._unstored[0])
            self._unstored.popleft()


class _Waiting:
    """The newest lines that Redis has not been given yet, each with its number; not thread-safe."""

    def __init__(self) -> None:
        self._lines: deque[tuple[int, str]] = deque()
        self._size = 0

    def add(self, first: int, rows: list[str]) -> None:
        for line in enumerate(rows, first):
            self._lines.append(line)
            self._size += len(line[1])
        while len(self._lines) > stream.KEPT_LINES or self._size > stream.KEPT_BYTES:
            self._take()

    def is_crowded(self) -> bool:
        return len(self._lines) >= BATCH or self._size >= BATCH_BYTES

    def batch(self) -> list[tuple[int, str]]:
        """Take consecutive lines from the front."""
        batch: list[tuple[int, str]] = []
        size = 0
        while self._lines and len(batch) < BATCH and size < BATCH_BYTES and self._follows(batch):
            batch.append(self._take())
            size += len(batch[-1][1])
        return batch

    def put_back(self, batch: list[tuple[int, str]]) -> None:
        for line in reversed(batch):
            if len(self._lines) >= stream.KEPT_LINES or self._size + len(line[1]) > stream.KEPT_BYTES:
                return
            self._lines.appendleft(line)
            self._size += len(line[1])

    def _follows(self, batch: list[tuple[int, str]]) -> bool:
        return not batch or self._lines[0][0] == batch[-1][0] + 1

    def _take(self) -> tuple[int, str]:
        line = self._lines.popleft()
        self._size -= len(line[1])
        return line


def next_line(operation_id: int) -> int:
    """Give the number that the next line of an operation's log gets."""
    files = spool.files(operation_id)
    spooled = files[-1].first_line + len(files[-1].rows()) - 1 if files else 0
    return max(spooled, chunks.last_line(operation_id)) + 1


def complete(operation_id: int, state: str) -> int:
    """Store what a killed worker left in the spool and tell the pages the end; gives the number of lines."""
    for file in spool.files(operation_id):
        chunks.store(operation_id, file)
    spool.remove(operation_id)
    stream.Tail(operation_id).end(state)
    return chunks.last_line(operation_id)
