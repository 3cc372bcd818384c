"""One writer at a time, whatever the database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def exclusively(name: str) -> Iterator[None]:
    """Run a transaction, or the rest of the running one, that no other of the same name runs beside.

    Take it after all other locks of a transaction: it is held to its end.
    """
    with transaction.atomic():
        # SQLite's transactions are exclusive writers from their first moment (settings: IMMEDIATE).
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # Else references are checked at the commit, and may wait for one who waits here.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_number(name)])
        yield


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"dlstack {name}".encode()).digest()[:8], "big", signed=True)
