"""A world for each module: a real database, a real broker, machines with real workers, whose start takes longest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from tests.broker import Broker
from tests.faults.delivery.databases import Database, Postgres, django_on, new_postgres, new_sqlite
from tests.faults.delivery.fleet import Host, new_host

Hosts = Callable[..., Host]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    # Short, and open to the owner of stacks: not pytest's own.
    made = Path(tempfile.mkdtemp(prefix="dlstack-delivery-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest, place: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Database]:
    """A new database of each kind, which this process uses too."""
    with django_db_blocker.unblock():
        yield from _on(_made(request, place, tmp_path_factory))


@pytest.fixture(scope="module")
def on_postgres(postgres: Postgres, django_db_blocker: Any) -> Iterator[Database]:
    """A new database on the server."""
    with django_db_blocker.unblock():
        yield from _on(new_postgres(postgres))


def _made(request: pytest.FixtureRequest, place: Path, factory: pytest.TempPathFactory) -> Database:
    if request.param == "postgres":
        return new_postgres(request.getfixturevalue("postgres"))
    return new_sqlite(factory.getbasetemp() / "template.sqlite3", place)


def _on(made: Database) -> Iterator[Database]:
    with django_on(made.url):
        yield made
        connections["default"].close()


def _hosts(made: Database, place: Path) -> Iterator[Hosts]:
    found: list[Host] = []

    def make(name: str = "local", **rest: Any) -> Host:
        found.append(new_host(name, place, made.url, **rest))
        return found[-1]

    yield make
    for host in found:
        host.dismiss()


@pytest.fixture(scope="module")
def hosts(database: Database, valkey: Broker, place: Path) -> Iterator[Hosts]:
    """Make machines whose workers use the database and the broker."""
    yield from _hosts(database, place)


@pytest.fixture(scope="module")
def hosts_on_postgres(on_postgres: Database, valkey: Broker, place: Path) -> Iterator[Hosts]:
    """Make machines whose workers use PostgreSQL."""
    yield from _hosts(on_postgres, place)
