"""What a PostgreSQL and a Redis did meanwhile: processor, rows, transactions, connections, bytes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import psutil
import psycopg

COUNTED = {
    "rows written": "tup_inserted + tup_updated + tup_deleted",
    "rows read": "tup_fetched",
    "transactions": "xact_commit + xact_rollback",
    "connections": "sessions",
}


@dataclass
class Reading:
    """Counters at one time."""

    at: float
    counts: dict[str, float]
    database: float  # seconds of the processor
    broker: float
    machines: float


class Meter:
    """Reads the counters of both servers, and watches how many connections there are at once."""

    def __init__(self, url: str, redis: Any, postmaster: int, broker: int) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._redis = redis
        self._postmaster, self._broker = psutil.Process(postmaster), psutil.Process(broker)
        self._lock = threading.Lock()
        self.most_connections = 0
        self.machines: list[psutil.Process] = []
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()

    def close(self) -> None:
        """Let go of the database, which else would wait for it."""
        self._ended.set()
        self._watcher.join()
        self._connection.close()

    def read(self) -> Reading:
        """Read all counters."""
        columns = ", ".join(COUNTED.values())
        asked = (
            f"SELECT {columns}, pg_current_wal_lsn() - '0/0' FROM pg_stat_database WHERE datname = current_database()"
        )
        with self._lock:
            row = self._connection.execute(asked).fetchone()
        assert row is not None
        counts = dict(zip([*COUNTED, "bytes of log"], map(float, row), strict=True))
        told = self._redis.info()
        counts["commands"] = float(told["total_commands_processed"])
        counts["bytes of broker"] = float(told["total_net_input_bytes"] + told["total_net_output_bytes"])
        spent = sum(_seconds(process) for process in self.machines if process.is_running())
        return Reading(time.monotonic(), counts, self._database(), _seconds(self._broker), spent)

    def _database(self) -> float:
        # Those that ended are counted by the postmaster, which waited for them.
        ended = self._postmaster.cpu_times()
        alive = sum(_seconds(child) for child in self._postmaster.children())
        return float(ended.user + ended.system + ended.children_user + ended.children_system + alive)

    def _watch(self) -> None:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        while not self._ended.wait(0.5):
            with self._lock:
                row = self._connection.execute(asked).fetchone()
            self.most_connections = max(self.most_connections, row[0] - 1 if row else 0)


def _seconds(process: psutil.Process) -> float:
    try:
        spent = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(spent.user + spent.system)


def rates(before: Reading, after: Reading) -> dict[str, float]:
    """Give what was counted each second between two readings, and the share of one processor that each part had."""
    seconds = after.at - before.at
    told = {name: (after.counts[name] - before.counts[name]) / seconds for name in before.counts}
    shares = {name: 100 * (getattr(after, name) - getattr(before, name)) / seconds for name in _PARTS}
    return told | shares


_PARTS = ("database", "broker", "machines")


def postmaster_of(url: str) -> int:
    """Find the process of the server behind an address."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        return psutil.Process(row[0]).ppid()
