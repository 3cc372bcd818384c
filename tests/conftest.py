"""What all tests share: the cast of people, and homes in which the real services run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User

from access import roles
from access.roles import Role
from tests.broker import broker, no_broker, valkey
from tests.ports import free_port

__all__ = ["broker", "free_port", "no_broker", "valkey"]

REPOSITORY = Path(__file__).resolve().parent.parent


# What a test asks for that has to do with the database or the broker of the tests.
SHARED = frozenset({"db", "transactional_db", "valkey", "broker", "no_broker"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, on PostgreSQL and Redis, what has nothing to do with them (tests.production)."""
    if not os.environ.get("DLSTACK_TEST_DATABASE_URL"):
        return
    kept = [item for item in items if _is_shared(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _is_shared(item)])
    items[:] = kept


def _is_shared(item: pytest.Item) -> bool:
    return bool(SHARED & set(getattr(item, "fixturenames", ()))) or item.get_closest_marker("django_db") is not None


@dataclass(frozen=True)
class People:
    """The cast: admin may do everything, operator what can be taken back, viewer read; stranger is not signed in."""

    admin: User
    operator: User
    viewer: User
    stranger: AnonymousUser


@pytest.fixture
def people(db: None) -> People:
    return People(with_role("admin"), with_role("operator"), with_role("viewer"), AnonymousUser())


def with_role(role: str, name: str = "") -> User:
    """Add somebody with a role, named after it where no name is given."""
    user = User.objects.create_user(name or role)
    roles.assign(user, Role(role))
    return user


@pytest.fixture
def admin(people: People) -> User:
    return people.admin


@pytest.fixture
def operator(people: People) -> User:
    return people.operator


@pytest.fixture
def viewer(people: People) -> User:
    return people.viewer


class Home:
    """A DLSTACK_HOME of its own, and the `dlstack` command in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = path / "data0"
        self.port = free_port()
        self.more: dict[str, str] = {}  # variables of the shell besides

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a shell in which a person would work on this home."""
        dropped = ("DLSTACK_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "PYTEST_", "PYTHONPATH")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        own = {"DLSTACK_HOME": str(self.path), "PORT": str(self.port), "DLSTACK_RESERVE": "1MiB"}
        return {**kept, **own, **self.more}

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, str(REPOSITORY / "manage.py"), *arguments]

    def dlstack(
        self, *arguments: str, check: bool = True, timeout: float = 240, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end; with `check` its failure is the test's."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.variables, cwd="/", capture_output=True, text=True, timeout=timeout, check=False, input=stdin,
        )  # fmt: skip
        if check and done.returncode != 0:
            pytest.fail(f"dlstack {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *arguments: str) -> Any:
        """Run one verb with --json and give back its document."""
        return json.loads(self.dlstack(*arguments, "--json").stdout)

    def popen(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Begin one verb; the caller ends it."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
        return subprocess.Popen(self.command(*arguments), env=self.variables, cwd="/", **options)

    def remove(self) -> None:
        """End what runs here and remove it all, its directory in shared memory too."""
        # What has ended in order leaves nothing but its locks.
        if any(left.suffix != ".lock" for left in (self.path / "run").glob("*")):
            self.dlstack("down", check=False)
        ramdisk = self.root / "sw.tmpfs"
        if ramdisk.is_symlink() and str(ramdisk.readlink()).startswith("/dev/shm/dlstack-"):
            shutil.rmtree(ramdisk.readlink(), ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)


@contextmanager
def new_home() -> Iterator[Home]:
    """Give a home that is removed, with all that runs in it, in the end."""
    # Not pytest's directory: that one is closed to the stack's owner, as whom builds run when the tests run as root.
    made = Home(Path(tempfile.mkdtemp(prefix="dlstack-home-")))
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def home() -> Iterator[Home]:
    with new_home() as made:
        yield made


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Home]:
    """Give one home to all tests of a module, where starting the services for each would take too long."""
    with new_home() as made:
        yield made
