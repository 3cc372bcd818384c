"""Whether a database and a broker can be reached from here, asked as a worker will."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db.utils import ConnectionHandler

from dlstackweb.settings import database_at
from stacks.joining import reach

PATIENCE = 5  # seconds


def problems(database_url: str, redis_url: str) -> list[str]:
    """Say which of the two cannot be reached, and why; passwords are not told."""
    tried: tuple[tuple[str, str, Callable[[str], object]], ...] = (
        ("database", database_url, _database),
        ("broker", redis_url, _broker),
    )
    return [said for what, url, ask in tried if (said := _said(what, url, ask))]


def _said(what: str, url: str, ask: Callable[[str], object]) -> str:
    try:
        ask(url)
    except Exception as error:  # whatever it is, a worker would meet it too
        host, port = reach.place(url)
        at = f"{host}:{port}" if port else host
        return f"The {what} at {at} cannot be reached from here: {' '.join(str(error).split())[:300]}"
    return ""


def _database(url: str) -> None:
    connection = ConnectionHandler({"default": database_at(url)})["default"]
    try:
        connection.ensure_connection()
    finally:
        connection.close()


def _broker(url: str) -> None:
    with redis.Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE) as client:
        client.ping()
