"""Secrets that a machine gives to builds, by file, as netrc: uv, rattler, pip, conda and git read that (F34).

A secret is a file of the secrets directory, which nobody but the worker can read; a recipe names it. Its content goes
into the file ~/.netrc of guests, which the owner alone can read, and nowhere else.
"""

from __future__ import annotations

import netrc
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from stacks.engine.errors import Refused
from stacks.engine.masks import SHORTEST
from stacks.engine.owner import Owner

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LARGEST = 64 * 1024  # bytes
# What a worker's environment may say about indexes; an URL there may hold a user and a password.
INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "PIP_INDEX_URL")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_LOGIN = re.compile(r"://(?P<user>[^\s/@:]*):(?P<password>[^\s/@]*)@(?P<host>[^\s/:]+)")


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Lines of netrc, and the values in them that must not be seen."""

    lines: str
    values: tuple[str, ...]


def read(place: Path | None, names: Iterable[str]) -> list[Secret]:
    """Read secrets by their names; raises Refused for one that is not there, is not closed, or is no netrc."""
    return [_read(place, name) for name in names]


def _read(place: Path | None, name: str) -> Secret:
    if place is None:
        raise Refused(f"The recipe asks for the secret “{name}”, and this machine has no directory of secrets.")
    path = place / name
    try:
        # Not through a link, and whatever it is, reading it must not wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"The recipe asks for the secret “{name}”; {path} cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o037 or status.st_uid not in (0, os.geteuid()):
            raise Refused(f"{path} must be a file of this user or root that others cannot read: chmod 600 {path}")
        return _understood(file.read(_LARGEST), path)


def _understood(text: str, path: Path) -> Secret:
    hosts = _hosts(path)
    values = tuple(password for _, _, password in hosts.values() if password)
    if not values or "default" in hosts:
        raise Refused(f"{path} must hold lines such as “machine HOST login USER password TOKEN”, each naming its host.")
    if _words(text).count("machine") != len(hosts):
        raise Refused(f"{path} names a host twice: leave one line for each, as programs read one of them only.")
    if any(len(value) < SHORTEST for value in values):
        raise Refused(f"A password in {path} is shorter than {SHORTEST} characters: it could not be kept out of logs.")
    return Secret(text if text.endswith("\n") else f"{text}\n", values)


def _words(text: str) -> list[str]:
    return [word for line in text.splitlines() if not line.lstrip().startswith("#") for word in line.split()]


def _hosts(path: Path) -> Mapping[str, tuple[str, str | None, str | None]]:
    try:
        return netrc.netrc(str(path)).hosts
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return {}


def of_machine(environment: Mapping[str, str]) -> Secret:
    """Find what the machine's own environment says in the URLs of its indexes and proxies."""
    logins = [found for name in INDEXES for found in _LOGIN.finditer(environment.get(name, ""))]
    proxies = [found for name in _PROXIES for found in _LOGIN.finditer(environment.get(name, ""))]
    lines = [
        f"machine {login['host']} login {unquote(login['user'])} password {unquote(login['password'])}\n"
        for login in logins
    ]
    values = {value for login in (*logins, *proxies) for value in (login["password"], unquote(login["password"]))}
    return Secret("".join(lines), tuple(sorted(value for value in values if len(value) >= SHORTEST)))


def without_logins(value: str) -> str:
    """Give an URL, or several, without their users and passwords."""
    return _LOGIN.sub(lambda found: f"://{found['host']}", value)


def hand_over(secrets: Iterable[Secret], place: Path, owner: Owner) -> Path | None:
    """Write what guests read as their ~/.netrc to a new file of the owner's, None for nothing."""
    lines = "".join(secret.lines for secret in secrets)
    if not lines:
        return None
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if os.geteuid() == 0:
            os.fchown(descriptor, owner.uid, owner.gid)
        file.write(lines)
    return place
