"""docker-compose.yml: valid, and each of its commands runs as it is; nginx lets a log through line by line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.deploy.plane import CHOSEN, NAME, SECRETS, Plane, composed, up
from tests.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="networks of one's own need root")
LINES, PAUSE = 40, 0.25  # of the recipe below: enough that some come while the browser watches
SCRIPT = f"""#!/bin/bash
mkdir -p anaconda3/bin && ln -s /usr/bin/env anaconda3/bin/env
for number in $(seq {LINES - 1}); do echo "line $number"; sleep {PAUSE}; done
echo "the last line"
sleep 3
"""
GONE = """
from stacks.models import Machine
Machine.objects.create(name="gone", root="/data0").operations.create(kind="verify", lane="live")
"""
QUEUES = """
from stacks.breaker import breaker
print(breaker.call(lambda redis: [redis.llen(f"dlstack:{name}.live") for name in ("gone", "local")]))
"""
RECIPE = """name = "slow"
[[environments]]
path = "anaconda3"
installer = "script"
source = "{source}"
script = "install.sh"
"""


def test_it_wants_its_secrets() -> None:
    argv = ["docker-compose", "--file", "docker-compose.yml", "config"]
    for missing in SECRETS:
        given = {name: value for name, value in SECRETS.items() if name != missing}
        environment = {"PATH": os.environ["PATH"], **given}
        done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
        assert done.returncode != 0
        assert "put it into .env" in done.stderr


def test_nothing_but_the_pages_is_published_and_they_to_this_host_only() -> None:
    ports = {name: service["ports"] for name, service in composed().items() if service.get("ports")}
    assert ports == {"web": ["127.0.0.1:8000:8000/tcp"]}


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    with up() as running:
        yield running


def test_every_command_runs_as_it_is(plane: Plane) -> None:
    assert set(plane.services) == {*plane.running, "postgres", "prepare", "demo-prepare"} - {"nginx"}
    assert plane.services["postgres"].get("command") is None  # the server of the test has no command of ours
    for name, part in {"beat": "beat", "demo-build": "build", "demo-live": "live"}.items():
        ready = Path(plane.variables(name)["DLSTACK_HOME"]) / "run" / f"ready-{part}"
        until(ready.exists, within=60)
        assert ready.read_text() == str(plane.running[name].pid)
    assert [name for name, process in plane.running.items() if process.poll() is not None] == []


def test_a_log_comes_through_nginx_line_by_line(plane: Plane) -> None:
    recipe = plane.place / "slow.toml"
    recipe.write_text(RECIPE.format(source=_repository(plane.place)))
    plane.run("web", "recipe-import", str(recipe))
    link = plane.run("web", "user-link", "admin").strip()
    asked = json.loads(plane.run("web", "build", "slow", "--name", "a", "--machine", "demo", "--detach", "--json"))
    number = str(asked["id"])
    browse = Path(__file__).with_name("browse.py")
    seen = plane.ask(browse, str(plane.place / "cert.pem"), link, number)
    assert seen["moved"] == f"https://{NAME}/livez"
    assert seen["signed"] == [200, f"https://{NAME}/"]
    assert seen["styles"][0] == 200
    assert re.search(r"\.[0-9a-f]{12}\.css$", seen["styles"][1])
    assert seen["cookies"]
    assert all(name.startswith("__Host-") and is_secure for name, is_secure in seen["cookies"])
    assert seen["headers"]["strict-transport-security"]
    assert "nginx/" not in seen["headers"]["server"]
    first, last = (_arrival(seen["arrivals"], text) for text in ("line 1<", "the last line"))
    assert last - first > 4 * PAUSE
    assert len({round(at / PAUSE) for at, line in seen["arrivals"] if "line " in line}) > 4
    until(lambda: json.loads(plane.run("web", "status", "--machine", "demo", "--json"))["versions"], within=60)


def test_the_pages_start_again_and_nothing_that_was_asked_is_lost(plane: Plane) -> None:
    asked = json.loads(plane.run("web", "verify", "a", "--machine", "demo", "--detach", "--json"))
    for name in ("web", "demo-build", "redis"):
        plane.stop(name)
        plane.start(name)
    until(lambda: _state(plane, asked["id"]) == "succeeded", within=90)


def test_the_clock_needs_no_worker_of_its_own(plane: Plane) -> None:
    plane.run("web", "shell", "-c", GONE)
    until(lambda: _queues(plane) == [1, 0], within=90)


def _queues(plane: Plane) -> list[int]:
    """Count what was rung for on the machine without workers, and what the clock left for a worker beside it."""
    time.sleep(1)
    return json.loads(plane.run("web", "shell", "-c", QUEUES).splitlines()[-1])  # type: ignore[no-any-return]


def test_production_is_what_is_checked(plane: Plane) -> None:
    assert CHOSEN["DLSTACK_PRODUCTION"] == "1"
    done = plane.run("web", "check", "--deploy", "--fail-level", "WARNING")
    assert "no issues" in done


def _state(plane: Plane, number: int) -> str:
    time.sleep(0.5)
    found = json.loads(plane.run("web", "operations", "--json"))
    return next(str(one["state"]) for one in found if one["id"] == number)


def _arrival(arrivals: list[tuple[float, str]], text: str) -> float:
    return next(at for at, line in arrivals if text in line)


def _repository(place: Path) -> Path:
    made = place / "repository"
    made.mkdir()
    (made / "install.sh").write_text(SCRIPT)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "--message", "Slow")):
        subprocess.run(["git", *words], cwd=made, check=True, capture_output=True)
    return made
