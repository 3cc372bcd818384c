"""A machine of a fleet on this host: its own network, processes, mounts, root, ramdisk, sshd and pair of workers."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from stacks.engine.layout import Layout
from tests.conftest import REPOSITORY
from tests.copying.sshd import Server
from tests.deploy.plane import NAME
from tests.namespaces import ip, network
from tests.waiting import until

GATE = "10.77.0.1"  # of the control plane, on the bridge
NETWORK = "10.77.0.0/24"
HOSTS = f"127.0.0.1 localhost\n{GATE} postgres redis {NAME}\n"
OWNER = "64990:64990"
LANES = ("build", "live")
ENVIRONMENT = "/etc/dlstack/environment"
_MOUNTS = """
mount -t tmpfs -o mode=0755 tmpfs "$1/etc"
cp -a /etc/. "$1/etc"
mount --bind "$1/etc" /etc
mount --bind "$1/data0" "$2"
mount -t tmpfs -o size=512m,mode=0755 tmpfs "$2/sw.tmpfs"
"""
# The first process of a machine: it reaps whatever loses its parent, and the machine ends with it.
_INIT = "while :; do sleep 3600 & wait $!; done"
_WORKER = (
    'set -a; . "$1"; DLSTACK_HOME="$2"; DLSTACK_RESERVE=1MiB; exec "$3" -m celery --quiet -A dlstackweb worker '
    '--pool solo --queues "$DLSTACK_MACHINE.$4" --hostname "$4@$DLSTACK_MACHINE" --without-gossip --without-mingle'
)


@dataclass
class Machine:
    """A machine whose disk is `place` of this host; `root` is where it sees its root, as each of the fleet does."""

    name: str
    address: str
    plane: str  # the network to which its cable leads
    place: Path
    root: Path
    pid: int = 0
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def within(self) -> tuple[str, ...]:
        """What is put before a command that runs there."""
        return ("nsenter", "--target", str(self.pid), "--mount", "--net", "--pid", "--")

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def layout(self) -> Layout:
        """Its root with all mounts, as it is seen from this host."""
        return Layout(Path(f"/proc/{self.pid}/root{self.root}"))

    @property
    def active(self) -> str:
        """What its live path says, read from this host; "" where there is none yet."""
        live = self.place / "data0/sw"
        return live.readlink().name if live.is_symlink() else ""

    @property
    def server(self) -> Server:
        return Server(self.home / "ssh", self.root, host=self.address, prefix=self.within, port=2222)

    def mount(self) -> None:
        """Give it an /etc of its own, its disk and its ramdisk; nobody else sees them there."""
        (self.place / "data0/sw.tmpfs").mkdir(parents=True)
        (self.place / "etc").mkdir()
        self.home.mkdir()
        self.run("/bin/sh", "-euc", _MOUNTS, "sh", str(self.place), str(self.root))

    def run(self, *argv: str, stdin: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command there to its end; that it fails is the test's failure."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        done = subprocess.run(
            [*self.within, *argv], input=stdin, cwd="/", env={**kept, "HOME": str(self.home), **variables},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{self.name}: {argv}\n{done.stdout}\n{done.stderr}"
        return done

    def join(self, token: str, certificate: Path) -> str:
        """Type the command of the page “Add a machine” there, then what that prints; give what the first said."""
        argv = ("join", f"https://{NAME}", "--ca", str(certificate))
        nothing = {"DLSTACK_HOME": str(self.place / "nothing")}
        said = self.run(sys.executable, str(REPOSITORY / "manage.py"), *argv, stdin=f"{token}\n", **nothing).stdout
        [typed] = re.findall(r"as root: (.* provision .*)", said)
        self.run(*shlex.split(typed))
        return said

    def work(self, lane: str) -> None:
        """Start the worker of a lane, by the environment file that joining wrote."""
        words = [ENVIRONMENT, str(self.home), sys.executable, lane]
        with self.log(lane).open("ab") as log:
            self.workers[lane] = subprocess.Popen(
                [*self.within, "/bin/sh", "-c", _WORKER, "sh", *words], cwd=REPOSITORY, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            )  # fmt: skip

    def kill(self, lane: str) -> None:
        """Kill the worker of a lane at once."""
        process = self.workers.pop(lane)
        for pid in _children(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait(30)

    def log(self, lane: str) -> Path:
        return self.place / f"{lane}.log"

    def cable(self, state: str) -> None:
        """Pull its cable (“down”) or put it in again (“up”): packets are lost, and nobody is told."""
        ip("-n", self.plane, "link", "set", self.name, state)


@contextmanager
def running(number: int, plane: str, place: Path, root: Path) -> Iterator[Machine]:
    """Give a machine that is up, and nothing more; all that was started there ends with the block."""
    name = f"gp{number:02}"
    machine = Machine(name, f"10.77.0.{10 + number}", plane, place / name, root)
    with network(HOSTS, suffix=f"-{name}") as within:
        _plug(machine, within)
        # It ends with this process, however that ends; and all of its own with it.
        ends = ("setpriv", "--pdeathsig", "KILL", "--")
        apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
        first = subprocess.Popen(["ip", "netns", "exec", within, *ends, *apart, "/bin/sh", "-c", _INIT])
        try:
            machine.pid = until(lambda: _init_of(first.pid))
            machine.mount()
            yield machine
        finally:
            _end(machine, first)


def _plug(machine: Machine, within: str) -> None:
    """Lead a cable from a machine's network to the bridge of the control plane's."""
    ip("-n", machine.plane, "link", "add", machine.name, "type", "veth", "peer", "name", "eth0", "netns", within)
    ip("-n", machine.plane, "link", "set", machine.name, "master", "br0", "up")
    ip("-n", within, "address", "add", f"{machine.address}/24", "dev", "eth0")
    ip("-n", within, "link", "set", "eth0", "up")


def _init_of(pid: int) -> int:
    """Give the first process of the machine that unshare made, once its mounts are its own; 0 before."""
    found = _children(pid)
    is_init = found and Path(f"/proc/{found[0]}/comm").read_text().strip() == "sh"
    return found[0] if is_init else 0


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _end(machine: Machine, first: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.kill(machine.pid or first.pid, signal.SIGKILL)
    first.kill()
    first.wait(30)
    for process in machine.workers.values():
        process.wait(30)
