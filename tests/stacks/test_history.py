"""What the emergency command did, with database and broker gone, is in the history afterwards."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from stacks import activations, history, observation
from stacks.engine import journal, resident
from stacks.engine import owner as owners
from stacks.engine.layout import Layout
from stacks.models import Activation, Machine, Operation
from tests.conftest import REPOSITORY, Home, People
from tests.engine.conftest import Make, Runner
from tests.stacks.views.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def deployed(machine: Machine, layout: Layout, version: Make) -> Layout:
    """A machine on which “a” and then “b” were made active, all of it on record."""
    runner = Runner(layout, owner=owners.resolve())
    for name in "ab":
        version(name, {"file": name}, mtime=1e9)
        runner.run("deploy", version=name)
        observation.refresh(machine)
        Activation.objects.filter(ended_at=None).update(healthy=True)
    return layout


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "stacks.engine", *map(str, arguments)]
    variables = {"PATH": os.environ["PATH"], "SUDO_USER": "vera"}
    return subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, env=variables, check=False)


def test_a_revert_is_imported_once_with_who_and_why(
    deployed: Layout, machine: Machine, people: People, client: Client
) -> None:
    assert command("revert", deployed.root, "--reason", "at 3 a.m.").returncode == 0
    for _ in range(2):
        observation.refresh(machine)
    [made] = Operation.objects.all()
    assert (made.kind, made.lane, made.state, made.reason) == ("revert", "live", "succeeded", "at 3 a.m.")
    assert made.message == "Done with the emergency command by vera (sudo)."
    now = activations.current(machine)
    assert now is not None
    assert (now.version.name, now.operation, now.healthy, now.returns_to) == ("a", made, True, None)
    assert Activation.objects.count() == 3
    page = signed_in(people.viewer).get("/machines/local/").content.decode()
    assert "at 3 a.m." in page
    assert "vera (sudo)" in signed_in(people.viewer).get(f"/operations/{made.pk}/").content.decode()


def test_a_backup_and_what_failed_are_imported_too(deployed: Layout, machine: Machine) -> None:
    (deployed.live / "new").touch()
    assert command("backup", deployed.root).returncode == 0
    (deployed.version("a") / "file").write_text("x")
    assert command("verify", deployed.root, "a").returncode == 1
    assert command("backup", deployed.root).returncode == 0
    observation.refresh(machine)
    made = list(Operation.objects.order_by("pk").values_list("kind", "state", "parameters"))
    assert made == [
        ("backup", "succeeded", {"version": "b+1"}),
        ("verify", "failed", {"version": "a"}),
        ("backup", "succeeded", {}),
    ]
    now = activations.current(machine)
    assert now is not None
    assert now.version.name == "b+1"
    assert "file: mtime_ns" in Operation.objects.get(kind="verify").message


def test_a_refusal_changed_nothing_and_is_no_history(deployed: Layout, machine: Machine) -> None:
    assert command("revert", deployed.root, "nosuch").returncode == 2
    observation.refresh(machine)
    assert not Operation.objects.exists()


def test_one_that_was_killed_is_imported_when_it_was_recovered(deployed: Layout, machine: Machine) -> None:
    journal.begin(deployed, "live", operation=f"engine:{uuid.uuid4()}", kind="revert", version="a", previous="b")
    resident.activate(deployed, "a")
    assert command("verify", deployed.root, "b").returncode == 0
    assert command("revert", deployed.root, "b").returncode == 0
    observation.refresh(machine)
    killed = Operation.objects.get(state="interrupted")
    assert (killed.kind, killed.parameters) == ("revert", {"version": "a"})
    assert "had become active" in killed.message


@pytest.mark.parametrize(
    "line", [b"", b"{}\n", b"rubbish\n", b'{"operation": "engine:1", "kind": "nosuch"}\n', b"[1]\n"]
)
def test_a_journal_with_rubbish_is_read_past_it(deployed: Layout, machine: Machine, line: bytes) -> None:
    assert command("revert", deployed.root).returncode == 0
    with (deployed.state / "history.jsonl").open("ab") as file:
        file.write(line)
    assert [operation.kind for operation in history.import_journal(machine)] == ["revert"]


@pytest.mark.slow
def test_with_an_unreadable_database_and_no_broker_a_revert_works_and_is_on_the_page_later(home: Home) -> None:
    """The drill: the whole embedded home is down and its database damaged; the machine is reverted all the same."""
    seal_two(home)
    home.dlstack("deploy", "a")
    home.dlstack("deploy", "b")
    home.dlstack("down")
    database = home.path / "dlstack.sqlite3"
    kept = database.read_bytes()
    for file in home.path.glob("dlstack.sqlite3*"):
        file.write_bytes(os.urandom(4096))
    shutil.rmtree(home.path / "valkey")
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(database).execute("SELECT 1 FROM stacks_machine")
    done = command("revert", home.root, "--json")
    assert (done.returncode, json.loads(done.stdout)["version"]) == (0, "a")
    for file in home.path.glob("dlstack.sqlite3-*"):
        file.unlink()
    database.write_bytes(kept)
    assert home.json("status")["active"] == "a"
    home.dlstack("verify", "a")  # starts the workers, which read the journal
    listed: list[dict[str, Any]] = home.json("operations")
    assert [(item["kind"], item["version"], item["state"]) for item in listed if item["kind"] == "revert"] == [
        ("revert", "a", "succeeded")
    ]


def seal_two(home: Home) -> None:
    """Make two versions as a person would have by hand, and have them adopted."""
    home.dlstack("status")
    for name in "ab":
        tree = Path(home.root, f"sw.{name}")
        tree.mkdir()
        (tree / "file").write_text(name)
    home.dlstack("adopt")
