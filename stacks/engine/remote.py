"""Another machine's files: rsync through ssh, to a door there that can only be read from (docs/adr/0023)."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stacks.engine import confined, trees
from stacks.engine.errors import CommandFailed, CutOff, Failed, Refused
from stacks.engine.events import Event, Sink
from stacks.engine.process import Command, base_environment
from stacks.engine.trees import Porter

_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
# What ssh and rsync would take apart or expand in the name of a file.
_ODD = re.compile(r"[^A-Za-z0-9/._+@,:=-]")
CONNECT, QUIET, SILENT = 10, 5, 25  # seconds: to connect; between two questions whether it lives; without any data
# rsync's and ssh's statuses for a connection that was never made, or broke.
_CUT_OFF = frozenset({5, 10, 12, 30, 35, 255})
_INCOMPLETE = frozenset({23, 24})
_ECHOES = (
    "rsync error:",
    "rsync: connection unexpectedly closed",
    "rsync: [Receiver] safe_read",
    "[Receiver] io timeout",
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where ssh reaches a machine; no part of it can be read as an option."""

    host: str
    user: str = ""
    port: int = 22

    @property
    def target(self) -> str:
        """What ssh and rsync take for it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}" if self.user else host


def parse(text: str) -> Address:
    """Read `[user@]host[:port]`, an IPv6 address in brackets; raise Refused for anything else."""
    user, at, rest = text.rpartition("@")
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?", rest)
    host, port = (found[1].strip("[]"), int(found[2] or 22)) if found else ("", 0)
    if (at and not _USER.fullmatch(user)) or not _is_host(host, bracketed=rest.startswith("[")) or not 0 < port < 65536:
        raise Refused(f"“{text[:80]}” is no address: write it as host, user@host or user@host:port.")
    return Address(host, user, port)


def _is_host(host: str, *, bracketed: bool) -> bool:
    if not bracketed:
        return bool(_HOST.fullmatch(host)) and ".." not in host
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Wire:
    """The key with which this machine asks others for files, and the file of the host keys that it knows."""

    key: Path | None = None
    known_hosts: Path | None = None

    def check(self) -> None:
        """Raise Refused, with what to type, unless both are there, and ssh."""
        if shutil.which("ssh") is None:
            raise Refused("ssh is missing: install it with “apt install openssh-client”.")
        for path in (self.key, self.known_hosts):
            if path is None or _ODD.search(str(path)):
                raise Refused(f"ssh cannot be given the path “{path}”: use letters, digits, “.”, “_” and “-” alone.")
        if not _is_file(self.key):
            raise Refused(f"This machine has no ssh key: make one with “ssh-keygen -t ed25519 -N '' -f {self.key}”.")
        if not _is_file(self.known_hosts):
            raise Refused(
                f"No host is known yet: write the other machine's host key into {self.known_hosts}, "
                "as “ssh-keyscan HOST” prints it, after comparing it with the one there."
            )


def _is_file(path: Path | None) -> bool:
    return path is not None and path.is_file() and os.access(path, os.R_OK)


@dataclass
class Moved:
    """What came: files of the tree, their bytes, and `received`, all that rsync was sent with what describes them."""

    files: int = 0
    bytes: int = 0
    received: int = 0


@dataclass(frozen=True)
class Door:
    """The root of another machine, whose name is `machine`, as its door shows it; `limit` is in KiB a second."""

    machine: str
    address: Address
    wire: Wire
    limit: int = 0
    moved: Moved = field(default_factory=Moved)

    def fetch(self, base: str, paths: Sequence[str], target: Path, aside: Path, porter: Porter) -> None:
        """Copy paths below `base` into a directory; what is half-made meanwhile lies in `aside`.

        Raises CutOff where the machine cannot be reached or not any more, Failed where it has not all of it.
        """
        argv = [*self._rsync(aside), "--", f"{self.address.target}:{base}/", f"{target}/"]
        label = f"rsync {len(paths)} paths from {self.machine} to {target}"
        places = [path for path in (self.wire.key, self.wire.known_hosts) if path]
        hearing = _Hearing(porter.sink, self.moved, lambda size: porter.advance(size, 0, "bytes"))
        with open(os.memfd_create("dlstack-files"), "wb") as listed:
            listed.write(b"".join(os.fsencode(path) + b"\0" for path in paths))
            listed.seek(0)
            command = Command(argv, label, base_environment(), pass_fds=porter.lock_fds, stdin=listed.fileno())
            try:
                confined.fetch(command, target.parent, places, hearing.error, porter.stop, stdout=hearing.line)
            except CommandFailed as error:
                explained = self._explained(error, hearing.said)
                if explained is None:
                    raise
                raise explained from error

    def _rsync(self, aside: Path) -> list[str]:
        return [
            *trees.rsync(), "--no-devices", "--no-implied-dirs", "--files-from=-",
            f"--temp-dir={aside}", f"--partial-dir={aside}/partial", f"--timeout={SILENT}",
            *([f"--bwlimit={self.limit}"] if self.limit else []),
            "--no-human-readable", "--stats", "--out-format=@%b %i", "-e", " ".join(self._ssh()),
        ]  # fmt: skip

    def _ssh(self) -> list[str]:
        options = {
            "BatchMode": "yes", "StrictHostKeyChecking": "yes", "UserKnownHostsFile": str(self.wire.known_hosts),
            "GlobalKnownHostsFile": "/dev/null", "UpdateHostKeys": "no", "IdentitiesOnly": "yes",
            "IdentityAgent": "none", "ClearAllForwardings": "yes", "ControlPath": "none", "LogLevel": "ERROR",
            "ConnectTimeout": str(CONNECT), "ServerAliveInterval": str(QUIET), "ServerAliveCountMax": "3",
        }  # fmt: skip
        spelled = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-i", str(self.wire.key), *spelled, "-p", str(self.address.port)]

    def _explained(self, error: CommandFailed, said: Sequence[str]) -> Failed | None:
        """Say what another machine has to do with it that rsync failed; None where it has nothing."""
        words = next((line for line in said if not line.startswith(_ECHOES)), "") or _last(said) or str(error)
        if error.status in _INCOMPLETE or "rrsync error" in words:
            return Failed(
                f"{self.machine} did not give all of it, which was removed, changed or is damaged there: {words}"
            )
        if error.status in _CUT_OFF:
            return CutOff(f"{self.machine} ({self.address.target}) cannot be reached: {words} {self._advice(words)}")
        return None

    def _advice(self, words: str) -> str:
        if "Host key verification failed" in words or "key is known" in words:
            return f"Compare its host key, and write it into {self.wire.known_hosts}."
        if "Permission denied" in words:
            return f"Let it accept {self.wire.key}.pub, with rrsync as forced command (README)."
        return "What had come is kept: ask again, and it goes on from there."


def _last(said: Sequence[str]) -> str:
    return said[-1] if said else ""


class _Hearing:
    """Takes rsync's words apart: files that have come, the count at the end, and complaints."""

    def __init__(self, sink: Sink, moved: Moved, advance: Callable[[int], None]) -> None:
        self._sink = sink
        self._moved = moved
        self._advance = advance
        self.said: list[str] = []

    def line(self, text: str) -> None:
        """Take a line of standard output."""
        if come := re.match(r"@(\d+) >f", text):
            self._moved.bytes += int(come[1])
            self._moved.files += 1
            self._advance(self._moved.bytes)
        elif counted := re.fullmatch(r"Total bytes received: (\d+)", text.strip()):
            self._moved.received += int(counted[1])

    def error(self, event: Event) -> None:
        """Take a line of standard error, which goes to the log too."""
        if event.kind == "output" and event.text.strip():
            self.said.append(event.text.strip())
        self._sink(event)
