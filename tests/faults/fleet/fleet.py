"""Four machines that joined one control plane, in a network that is nobody else's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.copying.receiving import noise
from tests.copying.sshd import Server
from tests.deploy.plane import HOSTS, Plane, control
from tests.faults.fleet.machine import GATE, LANES, NETWORK, OWNER, Machine, running
from tests.namespaces import ip, network
from tests.waiting import until
from tests.wheels import tiny_index

NUMBER = 4
BULK = 20  # packages of 100 kB that nothing compresses much
RECIPES = {
    "one": ["tiny-sky==1.0"],
    "two": ["tiny-sky==2.0"],
    "three": ["tiny-sky==2.0", *(f"bulk-{number}" for number in range(BULK))],
}
# A kernel answers without these, which are most of its files.
LEFT_OUT = {"debugpy": "1.8.0", "jedi": "0.19.0"}
_RECIPE = """name = "{name}"
[[environments]]
path = "anaconda3"
installer = "venv"
packages = ["ipykernel", "tiny-star", {packages}]
index = "{index}"
find_links = ["{wheels}"]
jupyter = true
[[environments.kernelspecs]]
name = "python3"
display_name = "Python 3"
"""
_INVITE = """
import json
from django.contrib.auth.models import User
from stacks import joining
admin = User.objects.get(username="admin")
print(json.dumps([joining.invite(name=name, root={root!r}, layout="resident", owner={owner!r}, by=admin)[1]
                  for name in {names!r}]))
"""
_ADDRESSES = """
from stacks.models import Machine
for name, address in {addresses!r}.items():
    Machine.objects.filter(name=name).update(address=address)
"""
_CLEAR = """
from stacks import marks
from stacks.models import Version
for version in Version.objects.exclude(bad_since=None):
    marks.clear(version=version, by=None, reason="for a test")
"""


@dataclass
class Fleet:
    """The control plane and its machines; `said` is what joining said on each."""

    plane: Plane
    machines: list[Machine]
    said: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [machine.name for machine in self.machines]

    @property
    def active(self) -> list[str]:
        """What is active on the four disks."""
        return [machine.active for machine in self.machines]

    def machine(self, name: str) -> Machine:
        return next(machine for machine in self.machines if machine.name == name)

    def dlstack(self, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Type a command on the control plane; that it ends otherwise than with `status` is the test's failure."""
        done = self.begin(*words)
        said, wrong = done.communicate(timeout=240)
        assert done.returncode == status, f"dlstack {words}: {done.returncode}\n{said}\n{wrong}\n{self.logs()}"
        return subprocess.CompletedProcess(done.args, done.returncode, said, wrong)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command on the control plane."""
        argv = [*self.plane.within, sys.executable, str(REPOSITORY / "manage.py"), *words]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(argv, env=self.plane.variables("web"), cwd=self.plane.place, **pipes)

    def json(self, *words: str, status: int = 0) -> Any:
        """Type a command with --json, and give its document."""
        return json.loads(self.dlstack(*words, "--json", status=status).stdout)

    def ask_until(self, *words: str, within: float) -> Any:
        """Type a command until it is not refused, and give its document."""

        def once() -> Any:
            done = self.begin(*words)
            said, _ = done.communicate(timeout=240)
            return json.loads(said) if done.returncode == 0 else None

        return until(once, within=within)

    def ask(self, script: str, **values: Any) -> Any:
        """Run lines of Python on the control plane, and give the document that they print, if they do."""
        said = self.dlstack("shell", "--no-imports", "-c", script.format(**values)).stdout
        return json.loads(said) if said.strip() else None

    @property
    def heard(self) -> int:
        """How many workers the control plane has heard of."""
        return int(self.ask("from stacks.models import Worker; print(Worker.objects.count())"))

    def all_on(self, version: str) -> None:
        """Have a version active on all machines, and none marked bad."""
        self.ask(_CLEAR)
        if self.active != [version] * len(self.machines):
            self.dlstack("rollout", version, "--to", *self.names, "--canary", "0")
        assert self.active == [version] * len(self.machines)

    def operation(self, number: int) -> Any:
        return next(one for one in self.json("operations") if one["id"] == number)

    def ended(self, number: int, *, within: float) -> Any:
        """Wait for the end of an operation, and give its document."""

        def look() -> Any:
            found = self.operation(number)
            return found if found["state"] not in ("queued", "running") else None

        return until(look, within=within)

    def logs(self) -> str:
        """What the workers wrote last, for who looks into a failure."""
        logs = [(f"{machine.name} {lane}", machine.log(lane)) for machine in self.machines for lane in LANES]
        told = [f"== {what}\n{log.read_text()[-1500:]}" for what, log in logs if log.exists()]
        return "\n".join([*told, self.plane.log("web"), self.plane.log("beat")])


@contextmanager
def four() -> Iterator[Fleet]:
    """Give four machines that have joined, whose workers answer and which reach each other by ssh."""
    with ExitStack() as stack:
        name = stack.enter_context(network(HOSTS))
        _bridge(name)
        plane = stack.enter_context(control(name, listen=f"127.0.0.1,{GATE}", known=NETWORK))
        root = plane.place / "fleet"
        root.mkdir()
        machines = [stack.enter_context(running(at + 1, name, plane.place, root)) for at in range(NUMBER)]
        fleet = Fleet(plane, machines)
        _join(fleet)
        _let_them_copy(fleet)
        for machine in machines:
            for lane in LANES:
                machine.work(lane)
        _offer_recipes(fleet)  # while they start
        until(lambda: fleet.heard == NUMBER * len(LANES), within=120)
        yield fleet


def _bridge(name: str) -> None:
    ip("-n", name, "link", "add", "br0", "type", "bridge")
    ip("-n", name, "address", "add", f"{GATE}/24", "dev", "br0")
    ip("-n", name, "link", "set", "br0", "up")


def _join(fleet: Fleet) -> None:
    fleet.dlstack("user-link", "admin")
    root = str(fleet.machines[0].root)
    tokens: list[str] = fleet.ask(_INVITE, root=root, owner=OWNER, names=fleet.names)
    with ThreadPoolExecutor(NUMBER) as threads:
        certificate = fleet.plane.place / "cert.pem"
        joined = [
            threads.submit(machine.join, token, certificate)
            for machine, token in zip(fleet.machines, tokens, strict=True)
        ]
        fleet.said = [one.result() for one in joined]


def _let_them_copy(fleet: Fleet) -> None:
    """Give each machine an sshd that lets the others read its root, and each the others' host keys."""
    servers = [machine.server for machine in fleet.machines]
    for server in servers:
        server.prepare()
    lines = {file: _merged(servers, file) for file in ("authorized_keys", "known_hosts")}
    for server in servers:
        for file, text in lines.items():
            (server.place / file).write_text(text)
        server.start()
    fleet.ask(_ADDRESSES, addresses=dict(zip(fleet.names, (server.address for server in servers), strict=True)))


def _merged(servers: Sequence[Server], file: str) -> str:
    return "".join((server.place / file).read_text() for server in servers)


def _offer_recipes(fleet: Fleet) -> None:
    """Put packages where machines may take them, and recipes for them."""
    place = fleet.plane.place / "repository"
    index, wheels = tiny_index(place / "index"), place / "wheels"
    _fetch_kernel(wheels)
    for name, version in LEFT_OUT.items():
        index.add(name, version, 'raise ImportError("left out")\n')
    for number in range(BULK):
        index.add(f"bulk-{number}", "1.0", f"DATA = {noise(100_000, number)!r}\n")
    for name, packages in RECIPES.items():
        file = fleet.plane.place / f"{name}.toml"
        listed = ", ".join(f'"{package}"' for package in packages)
        file.write_text(_RECIPE.format(name=name, packages=listed, index=index.url, wheels=wheels))
        fleet.dlstack("recipe-import", str(file))


def _fetch_kernel(wheels: Path) -> None:
    """Fetch a real kernel for the system's Python, since no machine of the fleet reaches the internet."""
    found = subprocess.run(["/usr/bin/python3", "-V"], check=True, capture_output=True, text=True)
    version = found.stdout.split()[1].rpartition(".")[0]
    argv = [*(sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--isolated", "--with", "pip"),
            *("python", "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--python-version", version),
            *("--dest", str(wheels), "ipykernel")]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in LEFT_OUT:
        [wheel] = wheels.glob(f"{name}-*.whl")
        wheel.unlink()
