"""Real databases that a test can take away: SQLite files, and a PostgreSQL of the session on a unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import dj_database_url
from django.core.management import call_command
from django.db import connections

from dlstackweb import settings as usual

_number = count(1)


class Database(Protocol):
    """A migrated, empty database, which a test can stop and start."""

    url: str

    def stop(self) -> None:
        """Take it away at once, in the middle of whatever it does."""

    def start(self) -> None:
        """Bring it back as it was."""


class Sqlite:
    """A SQLite file. Away means that its path leads to a directory: nobody can open it, whatever their rights.

    Who has it open goes on writing, as with any file that is moved.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._aside = path, path.with_name("aside")
        self.url = f"sqlite:///{path}"

    def stop(self) -> None:
        self._aside.mkdir()
        for file in self._files():
            file.rename(self._aside / file.name)
        self.path.mkdir()

    def start(self) -> None:
        self.path.rmdir()
        for file in self._aside.iterdir():
            file.rename(self.path.with_name(file.name))
        self._aside.rmdir()

    def _files(self) -> list[Path]:
        return [one for one in self.path.parent.glob(f"{self.path.name}*") if one.is_file()]


class Postgres:
    """One PostgreSQL server with as many databases as tests want; not as root, as it insists."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="dlstack-postgres-"))
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._drop = [] if os.geteuid() else ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        if self._drop:
            shutil.chown(self.place, pwd.getpwnam("postgres").pw_uid)
        self._do("initdb", "-D", self.data, "-U", "dlstack", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
        self.start()

    @property
    def data(self) -> str:
        return str(self.place / "data")

    def url(self, name: str) -> str:
        return f"postgres://dlstack@{quote(str(self.place), safe='')}/{name}"

    def start(self) -> None:
        # What a crash of the server loses is in question here, not one of the machine: no fsync.
        options = f"-k {self.place} -c listen_addresses= -c fsync=off -c max_connections=200"
        self._do("pg_ctl", "-D", self.data, "-w", "-t", "60", "-o", options, "-l", str(self.place / "log"), "start")

    def stop(self) -> None:
        self._do("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")

    @property
    def pid(self) -> int:
        return int((self.place / "data" / "postmaster.pid").read_text().splitlines()[0])

    def sql(self, statement: str, database: str = "postgres") -> str:
        return self._do("psql", "-h", str(self.place), "-U", "dlstack", "-d", database, "-Atqc", statement)

    def remove(self) -> None:
        try:
            os.kill(self.pid, signal.SIGQUIT)
            while (self.place / "data" / "postmaster.pid").exists():
                time.sleep(0.05)
        except (FileNotFoundError, ProcessLookupError):
            pass
        shutil.rmtree(self.place, ignore_errors=True)

    def _do(self, program: str, *arguments: str) -> str:
        command = [*self._drop, str(self._programs / program), *arguments]
        output = self.place / f"{program}.out"  # a pipe would be kept open by the server
        with output.open("w") as file:
            done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, cwd="/", check=False)
        if done.returncode:
            raise RuntimeError(f"{program}: {output.read_text()}")
        return output.read_text()


class PostgresDatabase:
    """One database of the session's server; taking it away takes the server away."""

    def __init__(self, server: Postgres, name: str) -> None:
        self.server, self.name, self.url = server, name, server.url(name)

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server.start()

    def cut(self) -> None:
        """End every connection to it."""
        connected = f"pg_stat_activity WHERE datname = '{self.name}'"
        self.server.sql(f"SELECT pg_terminate_backend(pid) FROM {connected}")  # noqa: S608 — a name of ours


def new_postgres(server: Postgres) -> PostgresDatabase:
    """Make a migrated database, from a template that is migrated once."""
    if not server.sql("SELECT 1 FROM pg_database WHERE datname = 'migrated'"):
        server.sql("CREATE DATABASE migrated")
        _migrate(server.url("migrated"))
    name = f"delivery{next(_number)}"
    server.sql(f"CREATE DATABASE {name} TEMPLATE migrated")
    return PostgresDatabase(server, name)


def new_sqlite(template: Path, place: Path) -> Sqlite:
    """Make a migrated file, from a template that is migrated once."""
    if not template.exists():
        _migrate(f"sqlite:///{template}")
    made = Sqlite(place / "dlstack.sqlite3")
    shutil.copy(template, made.path)
    return made


@contextmanager
def django_on(url: str) -> Iterator[None]:
    """Have this process's Django use another database, with the options of the product."""
    before = connections.settings["default"]
    _use(_configured(url))
    try:
        yield
    finally:
        _use(before)


def _configured(url: str) -> dict[str, Any]:
    asked = dj_database_url.parse(url, conn_health_checks=True)
    options = usual._SQLITE_OPTIONS if url.startswith("sqlite") else usual._POSTGRES_OPTIONS
    found: dict[str, Any] = connections.configure_settings({"default": {**asked, "OPTIONS": options}})["default"]
    return found


def _use(configured: dict[str, Any]) -> None:
    connections["default"].close()
    connections.settings["default"] = configured
    del connections["default"]


def _migrate(url: str) -> None:
    with django_on(url):
        call_command("migrate", interactive=False, verbosity=0)
        connections["default"].close()
