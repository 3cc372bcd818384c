"""A real sshd on the loopback, with keys and a configuration of its own, whose door shows one root read-only."""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stacks.engine.remote import Wire
from tests.ports import free_port
from tests.waiting import until

_SSHD = "/usr/sbin/sshd"
_CONFIGURATION = """
Port {port}
ListenAddress {host}
HostKey {place}/host_key
PidFile none
AuthorizedKeysFile {place}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel ERROR
"""


@dataclass
class Server:
    """An sshd, and who may read what through it."""

    place: Path
    root: Path
    host: str = "127.0.0.1"
    prefix: tuple[str, ...] = ()  # before the program, such as for a network namespace
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{getpass.getuser()}@{self.host}:{self.port}"

    @property
    def wire(self) -> Wire:
        return Wire(self.place / "id_ed25519", self.place / "known_hosts")

    def prepare(self) -> None:
        """Make the keys and the line that lets this machine's key read the root, and do nothing else."""
        self.place.mkdir(mode=0o700, exist_ok=True)
        for name in ("host_key", "id_ed25519"):
            if not (self.place / name).exists():
                made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(self.place / name)]
                subprocess.run(made, check=True)
        key, host = ((self.place / f"{name}.pub").read_text() for name in ("id_ed25519", "host_key"))
        line = f'command="/usr/bin/rrsync -ro {self.root}",restrict {key}'
        (self.place / "authorized_keys").write_text(line)
        (self.place / "known_hosts").write_text(f"[{self.host}]:{self.port} {host}")
        spelled = _CONFIGURATION.format(port=self.port, place=self.place, host=self.host)
        (self.place / "sshd_config").write_text(spelled)

    def start(self) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        argv = [*self.prefix, _SSHD, "-D", "-e", "-f", str(self.place / "sshd_config")]
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        if not self.prefix:
            until(self._answers)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def stop(self) -> None:
        """End it with all connections."""
        if self.process is not None:
            for pid in (*self.children(), self.process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.process.wait()
            self.process = None

    def children(self) -> list[int]:
        """Name the processes below this sshd, the deepest first."""
        return _below(self.process.pid) if self.process is not None else []

    def freeze(self) -> None:
        """Let every connection hang, as when a cable is pulled: nothing is answered, nothing is closed."""
        for pid in self.children():
            os.kill(pid, signal.SIGSTOP)


def _below(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [deep for child in map(int, found) for deep in (*_below(child), child)]


@contextmanager
def serving(place: Path, root: Path) -> Iterator[Server]:
    """Give a server that runs until the end of the block."""
    server = Server(place, root)
    server.prepare()
    server.start()
    try:
        yield server
    finally:
        server.stop()
