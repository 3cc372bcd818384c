"""A hostile build, by its script and by a package's build backend, tries each thing that it must not get."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from stacks.engine import manifest
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner
from tests.faults.conftest import Figure
from tests.faults.guests import attempts
from tests.faults.guests.conftest import Guests, asked, repository
from tests.wheels import Index, tiny_index, tiny_recipe

SECRET = "postgres://dlstack:Tr0ub4dor@127.0.0.1/dlstack"
ATTEMPTS = Path(attempts.__file__).read_text()


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return tiny_index(tmp_path / "index")


@pytest.fixture
def targets(layout: Layout, version: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Plant what a machine has: a home with a database and sockets, another version, services, a worker's variables."""
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    for name in ("dlstack.sqlite3", "secret_key", "secrets"):
        (home / name).write_text(SECRET)
        (home / name).chmod(0o666)  # nothing but the sandbox keeps it closed
    version("other", {"anaconda3/bin/python": "#!other\n"})
    for name, value in {"DATABASE_URL": SECRET, "REDIS_URL": SECRET, "DLSTACK_SECRET_KEY": SECRET}.items():
        monkeypatch.setenv(name, value)
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        unix.bind(str(home / "run/valkey.sock"))
        (home / "run/valkey.sock").chmod(0o777)
        abstract.bind("\0dlstack-abstract")
        for listener in (unix, abstract):
            listener.listen()
        port = tcp.getsockname()[1]
        files = [str(home / name) for name in ("dlstack.sqlite3", "secret_key", "secrets", "run")]
        files += [str(path) for path in (layout.state / "locks", layout.version("other"), layout.ramdisk)]
        files += [
            "/etc/shadow",
            "/etc/passwd",
            "/root/.profile",
            "/root/.bashrc",
            "/home",
            "/var",
            "/run/user",
            "/boot",
            __file__,
            f"/proc/{os.getpid()}/environ",
        ]
        yield {
            "root": str(layout.root),
            "files": files,
            "writable": ["/x", "/usr/x", "/etc/x", "/run/x", "/dev/x", f"{layout.root}/sw.other/x", *files[:3]],
            "ports": [("127.0.0.1", port), ("localhost", port), (_own_address(), port), ("169.254.169.254", 80)],
            "sockets": [str(home / "run/valkey.sock"), "\0dlstack-abstract"],
            "worker": os.getpid(),
            "secrets": ["Tr0ub4dor"],
            "own_programs": ["bwrap", "python3", "python", "uv", "sh", "hostile.py", "gone"],
        }


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def check(report: dict[str, str], figure: Figure, how: str) -> None:
    got = {name: what for name, what in report.items() if what}
    row = f"what a hostile {how} gets, of {len(report)} things that it tries"
    figure(row, goal="nothing", got=got or "nothing", ok=not got and len(report) == len(attempts.ATTEMPTS))


def test_a_hostile_script_gets_nothing(  # noqa: PLR0917 — each is a fixture
    layout: Layout,
    runner: Runner,
    targets: dict[str, Any],
    index: Index,
    tmp_path: Path,
    figure: Figure,
    guests: Guests,
) -> None:
    runner.run("build", **asked(tiny_recipe(index), "other2"))
    before = {name: manifest.scan(layout.version(name)) for name in ("other", "other2")}
    files = {"hostile.py": f"#!/usr/bin/python3 -I\n{ATTEMPTS}", "targets.json": json.dumps(targets)}
    runner.run("build", **asked(repository(tmp_path / "repository", files)))
    check(json.loads((layout.version("a") / "anaconda3/report.json").read_text()), figure, "script")
    after = {name: manifest.scan(layout.version(name)) for name in before}
    changed = [name for name in before if before[name] != after[name]]
    figure(
        "versions that change when a build writes into the caches", goal="none", got=changed or "none", ok=not changed
    )
    guests.seconds_until_gone()


BACKEND = """
import json, os, zipfile
from pathlib import Path
import attempts

def build_wheel(directory, config_settings=None, metadata_directory=None):
    os.chdir("/tmp")
    place = Path(attempts.__file__).with_name("targets.json")
    told = json.dumps(attempts.report(json.loads(place.read_text())))
    name = "hostile-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        wheel.writestr("hostile/__init__.py", "")
        wheel.writestr("hostile/report.json", told)
        wheel.writestr("hostile-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: hostile\\nVersion: 1.0\\n")
        wheel.writestr("hostile-1.0.dist-info/WHEEL",
                       "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("hostile-1.0.dist-info/RECORD", "")
    return name
"""


def source_package(index: Index, files: dict[str, str]) -> None:
    """Add a source package `hostile`, which its own backend builds."""
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    project += '[project]\nname = "hostile"\nversion = "1.0"\n'
    files = {"pyproject.toml": project, "PKG-INFO": "Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n", **files}
    place = index.place / "hostile"
    place.mkdir(parents=True)
    with tarfile.open(place / "hostile-1.0.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"hostile-1.0/{name}")
            member.size = len(content.encode())
            archive.addfile(member, BytesIO(content.encode()))
    digest = hashlib.sha256((place / "hostile-1.0.tar.gz").read_bytes()).hexdigest()
    (place / "index.html").write_text(f'<a href="hostile-1.0.tar.gz#sha256={digest}">hostile-1.0.tar.gz</a>')


def test_a_hostile_package_gets_nothing(  # noqa: PLR0917 — each is a fixture
    layout: Layout, runner: Runner, targets: dict[str, Any], index: Index, figure: Figure, guests: Guests
) -> None:
    source_package(index, {"backend.py": BACKEND, "attempts.py": ATTEMPTS, "targets.json": json.dumps(targets)})
    runner.run("build", **asked(tiny_recipe(index, "hostile")))
    [found] = layout.version("a").rglob("hostile/report.json")
    check(json.loads(found.read_text()), figure, "package")
    guests.seconds_until_gone()
