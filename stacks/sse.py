"""Live operations for any number of pages: one reader per operation and web process, rendered once, sent to all.

Hub ── one per event loop: opens a room for the first viewer of an operation, closes it after the last
Room ─ follows one operation, in the Redis stream or, while Redis is away, in the stored log
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from redis.asyncio import Redis
from redis.exceptions import RedisError

from stacks import live, loghtml
from stacks.logs import LogLine, stream

COALESCE = 0.1
KEEP_ALIVE = 15.0
BATCH = 2000
FLOOD = 500  # lines that come at once; of more than that a page is shown the last ones only
OF_FLOOD = 100
MOST_STREAMS = 200
BACKLOG = 64
RETRY_REDIS = 5
POLL = 1.0

# What ends a line for a browser: in a text it would begin a field, or an event, of its own.
_LINE_ENDS = re.compile(r"\r\n|\r|\n")

Connect = Callable[[], "Redis"]


@dataclass(frozen=True, slots=True)
class Frame:
    """Some bytes for the wire; `last` is the last log line in them (0: none), `final` ends the stream."""

    data: bytes
    last: int = 0
    final: bool = False


def frame(name: str, data: str, *, last: int = 0, final: bool = False) -> Frame:
    """Make one event; its id is the number of the last log line, which is where a viewer resumes."""
    head = f"event: {name}\n" + (f"id: {last}\n" if last else "")
    body = "".join(f"data: {line}\n" for line in _LINE_ENDS.split(data))
    return Frame(f"{head}{body}\n".encode(), last, final)


CAUGHT_UP = frame("live", "1")


def log_frame(lines: list[LogLine]) -> Frame:
    """Make the event that carries consecutive lines of the log."""
    return frame("log", loghtml.render_lines(lines), last=lines[-1].n)


def gap_frame(first: int, last: int) -> Frame:
    """Make the event that says which lines were passed over, for the page to fetch when they are looked at."""
    return frame("gap", json.dumps({"first": first, "last": last}), last=last)


def seen_frames(seen: live.Snapshot) -> list[Frame]:
    """Make the events that tell the steps and the state, and the end where it has come."""
    told = [frame("steps", seen.steps_html), frame("state", json.dumps(seen.document))]
    return [*told, frame("done", seen.document["state"], final=True)] if seen.final else told


def frames_for(lines: list[LogLine], position: int, *, flood: int = FLOOD) -> list[Frame]:
    """Make the events for new lines after `position`: all, or of more than `flood` a gap and the last ones."""
    lines = [line for line in lines if line.n > position]
    if not lines:
        return []
    shown = lines if len(lines) <= flood else lines[-OF_FLOOD:]
    skipped = [gap_frame(position + 1, shown[0].n - 1)] if shown[0].n > position + 1 else []
    return [*skipped, log_frame(shown)]


def newest(entries: list[dict[str, str]]) -> list[LogLine]:
    """Read the lines of the newest entries of a stream, as many as may be shown at once."""
    kept: list[list[LogLine]] = []
    for entry in reversed(entries):
        if "n" in entry and sum(map(len, kept)) <= FLOOD:
            kept.append(live.lines_of(entry))
    return [line for lines in reversed(kept) for line in lines]


@dataclass(eq=False)
class Viewer:
    """One open page: the queue of what it has yet to be sent."""

    queue: asyncio.Queue[Frame] = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    lost: bool = False

    def offer(self, item: Frame) -> None:
        """Queue an event; a page that cannot keep up is let go, and comes back with the number it has reached."""
        try:
            self.queue.put_nowait(item)
        except asyncio.QueueFull:
            self.lost = True


class Room:
    """Follows one operation for all who look at it."""

    def __init__(self, operation_id: int, connect: Connect) -> None:
        self.operation_id = operation_id
        self.position = 0
        self.state: list[Frame] = []
        self.viewers: set[Viewer] = set()
        self.ready = asyncio.Event()
        self._connect = connect
        self._told = ""
        self.ended = False
        self._task: asyncio.Task[None] | None = None

    def enter(self, viewer: Viewer) -> None:
        """Add a viewer; the first one starts the reading."""
        self.viewers.add(viewer)
        self._task = self._task or asyncio.create_task(self._follow())

    def leave(self, viewer: Viewer) -> bool:
        """Take a viewer out and tell whether the room is empty; then the reading has ended."""
        self.viewers.discard(viewer)
        if not self.viewers and self._task:
            self._task.cancel()
        return not self.viewers

    async def _follow(self) -> None:
        try:
            self.position = await sync_to_async(live.last_line)(self.operation_id)
            self.ready.set()
            while not self.ended:
                with suppress(RedisError, OSError):
                    await self._follow_stream()
                if not self.ended:
                    await self._follow_store()
        finally:
            self.ready.set()
            for viewer in self.viewers:
                viewer.lost = viewer.lost or not self.ended

    async def _follow_stream(self) -> None:
        async with self._connect() as redis:
            key = stream.key(self.operation_id)
            cursor = live.newest(await redis.xrevrange(key, count=1))
            # Only now the store: what is in neither was written later, and comes after the cursor.
            await self._drain()
            await self._look()
            while not self.ended:
                entries = live.entries(await redis.xread({key: cursor}, count=BATCH, block=2000))
                if not entries:
                    await self._look()
                    continue
                cursor = entries[-1][0]
                await self._take([values for _, values in entries])
                await asyncio.sleep(COALESCE)

    async def _take(self, entries: list[dict[str, str]]) -> None:
        self._publish_lines(newest(entries))
        if any("n" not in entry for entry in entries):
            await self._look()

    async def _follow_store(self) -> None:
        """Read what is stored, once a second, until it is time to try Redis again."""
        for _ in range(RETRY_REDIS):
            self._publish_lines(await sync_to_async(live.read_after)(self.operation_id, self.position, BATCH))
            await self._look()
            if self.ended:
                return
            await asyncio.sleep(POLL)

    async def _look(self) -> None:
        """Read the operation's row, and tell about it when something changed; end the room when it has ended."""
        seen = await sync_to_async(live.snapshot)(self.operation_id)
        if seen.mark == self._told:
            return
        self._told = seen.mark
        if seen.final:
            await self._drain()
        self.state = seen_frames(seen)
        for item in self.state:
            self._publish(item)
        self.ended = seen.final

    async def _drain(self) -> None:
        while lines := await sync_to_async(live.read_after)(self.operation_id, self.position, BATCH):
            self._publish_lines(lines)

    def _publish_lines(self, lines: list[LogLine]) -> None:
        for item in frames_for(lines, self.position):
            self._publish(item)
            self.position = item.last

    def _publish(self, item: Frame) -> None:
        for viewer in self.viewers:
            viewer.offer(item)


class Hub:
    """The rooms of one event loop, and the cap on how many pages they serve."""

    def __init__(self, connect: Connect = live.connect, most: int = MOST_STREAMS) -> None:
        self.rooms: dict[int, Room] = {}
        self.streams = 0
        self._connect = connect
        self._most = most

    def is_full(self) -> bool:
        """Tell whether no further stream is served."""
        return self.streams >= self._most

    async def events(self, operation_id: int, seen: int, allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield the wire's bytes for one page that has lines up to `seen`; `allowed` is asked at each keep-alive."""
        room, viewer = self.rooms.setdefault(operation_id, Room(operation_id, self._connect)), Viewer()
        self.streams += 1
        room.enter(viewer)
        try:
            yield b"retry: 1000\n\n"
            await room.ready.wait()
            for item in await sync_to_async(_missed)(operation_id, seen, room.position):
                seen = max(seen, item.last)
                yield item.data
            # The page may be older than the room: it is told the state even when nothing changes any more.
            for item in room.state:
                yield item.data
            if not room.ended:
                yield CAUGHT_UP.data
                async for item in _queued(viewer, allowed):
                    if item.last > seen or not item.last:
                        yield item.data
        finally:
            self.streams -= 1
            if room.leave(viewer) and self.rooms.get(operation_id) is room:
                del self.rooms[operation_id]


def _missed(operation_id: int, seen: int, position: int) -> Iterable[Frame]:
    if position <= seen:
        return []
    first = max(seen, position - BATCH)
    return frames_for(live.read_after(operation_id, first, position - first), seen, flood=BATCH)


async def _queued(viewer: Viewer, allowed: Callable[[], bool]) -> AsyncIterator[Frame]:
    asked_at = time.monotonic()
    while not (viewer.lost and viewer.queue.empty()):
        try:
            item = await asyncio.wait_for(viewer.queue.get(), KEEP_ALIVE)
        except TimeoutError:
            item = Frame(b": keep-alive\n\n")
        if time.monotonic() - asked_at >= KEEP_ALIVE:  # a log that never pauses is no reason not to ask
            asked_at = time.monotonic()
            if not await sync_to_async(allowed)():
                return
        yield item
        if item.final:
            return


_hubs: WeakKeyDictionary[Any, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """Give the hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
