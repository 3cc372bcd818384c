"""Whether each program really does its work, which is more than that its process exists."""

from __future__ import annotations

import http.client
import os
from pathlib import Path

import redis

from dlstackweb.environment import Environment
from stacks.embedded.home import write_private


def mark_ready(run: Path, name: str) -> None:
    """Record that this process, a worker or beat, is ready; does nothing outside an embedded home."""
    if run.is_dir():
        write_private(run / f"ready-{name}", str(os.getpid()))


def is_ready(environment: Environment, name: str, pid: int) -> bool:
    """Ask the program `name`, whose process is `pid`, whether it is ready."""
    if name == "valkey":
        return _broker_answers(environment.redis_url)
    if name == "web":
        return _page_answers(environment)
    try:
        return (environment.run / f"ready-{name}").read_text() == str(pid)
    except OSError:
        return False


def host_of(environment: Environment) -> str:
    """Name the host under which this machine reaches its own web server."""
    anywhere = environment.listen in {"", "0.0.0.0", "::", "127.0.0.1", "localhost"}  # noqa: S104 (compared, not bound)
    return "127.0.0.1" if anywhere else environment.listen


def _broker_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _page_answers(environment: Environment) -> bool:
    connection = http.client.HTTPConnection(host_of(environment), environment.port, timeout=2)
    try:
        connection.request("GET", "/readyz", headers={"X-Forwarded-Proto": "https"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
