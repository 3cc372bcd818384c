"""Web and workers start again in turn while operations run: none is lost, none runs twice, logs are whole.

The parts are those of docker-compose.yml, behind nginx, on PostgreSQL and a broker with a password; each is ended by
SIGTERM, as systemd and docker do.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stacks.engine import journal
from stacks.engine.layout import Layout
from tests.deploy.plane import Plane, up
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="networks of one's own need root"),
]
BUILDS, DEPLOYS, LINES = 12, 8, 80
PARTS = {"demo-live": "live", "demo-build": "build", "web": ""}  # the quick lane first: its work is soon done
SCRIPT = f"""#!/bin/bash
mkdir -p anaconda3/bin && ln -s /usr/bin/env anaconda3/bin/env
for number in $(seq {LINES}); do echo "line $number"; sleep 0.02; done
"""
RECIPE = """name = "numbered"
[[environments]]
path = "anaconda3"
installer = "script"
source = "{source}"
script = "install.sh"
"""
TOKEN = """
from django.contrib.auth.models import User
from access import tokens
admin = User.objects.get(username="admin")
print(tokens.issue(user=admin, name="drill", role="operator", days=1, by=admin)[1])
"""


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    with up() as running:
        _recipe(running)
        for name in ("a", "b"):
            running.run("demo-build", "build", "numbered", "--name", name)
        yield running


def test_twenty_operations_go_through(plane: Plane) -> None:
    builds = [["/machines/demo/build", {"recipe": "numbered", "name": f"v{number}"}] for number in range(BUILDS)]
    order = ["", *("ab"[number % 2] for number in range(DEPLOYS))]
    deploys = [["/machines/demo/deploy", {"version": now, "seen": seen}] for seen, now in pairwise(order)]
    token = plane.run("web", "shell", "-c", TOKEN).split()[-1]
    script = Path(__file__).with_name("press.py")
    client = plane.begin(script, str(plane.place / "cert.pem"), token, json.dumps([builds, deploys]))
    with psycopg.connect(plane.database, autocommit=True) as database:
        try:
            spanned = _restart_until_done(plane, client, database)
            out, err = client.communicate(timeout=120)
        finally:
            client.kill()
            client.wait()
        assert client.returncode == 0, err + "".join(map(plane.log, PARTS))
        done = [wish for lane in json.loads(out) for wish in lane]
        assert [wish["message"] for wish in done if wish["state"] != "succeeded"] == []
        _judge(plane, database, [wish["id"] for wish in done])
    # Each part was ended while something ran that it had to do with, or this showed nothing.
    assert min(spanned[name] for name in PARTS) >= 1, spanned


def _restart_until_done(plane: Plane, client: subprocess.Popen[str], database: psycopg.Connection[Any]) -> Counter[str]:
    """Restart the parts in turn; counts how often an operation ran while a part was ended."""
    spanned: Counter[str] = Counter()
    give_up_at = time.monotonic() + 200
    while client.poll() is None and time.monotonic() < give_up_at:
        for name, lane in PARTS.items():
            running = _wait_for_one(client, database, lane)
            plane.stop(name)
            spanned[name] += running
            plane.start(name)
            _await_ready(plane, name, lane)
    return spanned


def _wait_for_one(client: subprocess.Popen[str], database: psycopg.Connection[Any], lane: str) -> bool:
    """Wait until an operation of a lane, or of any, has begun; False where there is none any more."""
    asked = "SELECT id FROM stacks_operation WHERE state = 'running' AND lane LIKE %s"
    give_up_at = time.monotonic() + 20
    while client.poll() is None and time.monotonic() < give_up_at:
        if database.execute(asked, [lane or "%"]).fetchone():
            return True
        time.sleep(0.02)
    return False


def _await_ready(plane: Plane, name: str, lane: str) -> None:
    if lane:
        ready = Path(plane.variables(name)["DLSTACK_HOME"]) / "run" / f"ready-{lane}"
        until(lambda: ready.exists() and ready.read_text() == str(plane.running[name].pid), within=60)
    assert plane.running[name].poll() is None, plane.log(name)


def _judge(plane: Plane, database: psycopg.Connection[Any], wished: list[int]) -> None:
    rows = database.execute(
        "SELECT id, kind, state, log_lines FROM stacks_operation WHERE id >= %s ORDER BY id", [min(wished)]
    ).fetchall()
    assert [row[0] for row in rows] == sorted(wished)  # no more were made than asked for
    assert len(rows) == BUILDS + DEPLOYS
    entries = [one for one in journal.history(Layout(plane.root)) if int(one["operation"]) in wished]
    assert Counter(int(one["operation"]) for one in entries) == dict.fromkeys(wished, 1)
    assert {one["outcome"] for one in entries} == {"succeeded"}
    for number, kind, state, lines in rows:
        log = _log(database, number)
        assert (state, len(log)) == ("succeeded", lines), number
        assert sum(one[1] == "step" for one in log) == len({one[3] for one in log if one[1] == "step"}), number
        if kind == "build":
            told = [one[3] for one in log if one[3].startswith("line ")]
            assert told == [f"line {n}" for n in range(1, LINES + 1)], number
    assert not list((plane.place / "demo-home/logs").glob("[0-9]*"))  # nothing of a log was left on the machine alone


def _log(database: psycopg.Connection[Any], number: int) -> list[Any]:
    """Read a stored log as it is in the database; its chunks follow one another."""
    asked = "SELECT first_line, lines, data FROM stacks_logchunk WHERE operation_id = %s ORDER BY first_line"
    found: list[Any] = []
    for first, lines, data in database.execute(asked, [number]):
        rows = zlib.decompress(data).split(b"\n")
        assert (first, lines) == (len(found) + 1, len(rows))
        found += map(json.loads, rows)
    return found


def _recipe(plane: Plane) -> None:
    place = plane.place / "repository"
    place.mkdir()
    (place / "install.sh").write_text(SCRIPT)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "--message", "Numbered")):
        subprocess.run(["git", *words], cwd=place, check=True, capture_output=True)
    (plane.place / "numbered.toml").write_text(RECIPE.format(source=place))
    plane.run("web", "recipe-import", str(plane.place / "numbered.toml"))
