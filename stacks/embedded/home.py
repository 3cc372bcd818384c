"""The directories and private files of a home."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlstackweb.environment import Environment
from stacks.engine.errors import Refused

# Supervisord's and Valkey's configuration files have no way to write these.
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\"]|\s[;#]")


def prepare_home(environment: Environment) -> None:
    """Make the home's directories where they are missing; raise Refused when the home cannot be used."""
    if UNWRITABLE.search(f"{environment.home}\n{environment.root}".replace("\n", "")):
        raise Refused(f"DLSTACK_HOME must not contain quotes, “ ;”, “ #” or control characters: {environment.home}")
    try:
        environment.home.mkdir(mode=0o711, parents=True, exist_ok=True)
        for name in ("run", "logs", "logs/services", "valkey"):
            _private(environment.home / name)
        if environment.sockets != environment.run:
            _private(environment.sockets)
        _let_owner_through(environment)
        _keep_database_private(environment.home / "dlstack.sqlite3")
    except OSError as error:
        raise Refused(
            f"Cannot prepare {environment.home} ({error}): run as its owner or choose another DLSTACK_HOME."
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, aside and renamed into place."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


@contextmanager
def locked(environment: Environment, name: str) -> Iterator[None]:
    """Hold the home's lock `name`, waiting for whoever has it; the end of the process frees it."""
    _private(environment.run)
    # Close on exec, as Python opens files: a supervisor that inherited the lock would hold it for life.
    with (environment.run / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise Refused(f"{directory} belongs to another user: remove it or choose another DLSTACK_HOME.")
    if stat.S_IMODE(status.st_mode) != 0o700:
        directory.chmod(0o700)


def _let_owner_through(environment: Environment) -> None:
    # Builds and kernels run as the stack's owner, who must reach a root inside the home; names stay unlisted.
    mode = stat.S_IMODE(environment.home.stat().st_mode)
    if environment.root.is_relative_to(environment.home) and mode & 0o011 != 0o011:
        environment.home.chmod(mode | 0o011)


def _keep_database_private(database: Path) -> None:
    """Give the database's file mode 0600, which SQLite then gives to its -wal and -shm files too."""
    # A database that exists is never opened here: closing it would drop the locks of this process's own connection
    # (fcntl locks belong to the process), and another process would remove the WAL that it still writes to.
    try:
        os.close(os.open(database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        database.chmod(0o600)
