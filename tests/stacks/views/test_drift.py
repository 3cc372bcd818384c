"""The page that says what users changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.models import Machine
from tests.engine.conftest import Make, Runner
from tests.stacks.views.test_action import BACKUP, DISCARD

ADDRESS = "/machines/local/drift/"


@pytest.fixture
def tree(machine: Machine, version: Make, owner: Owner) -> Path:
    version("a", {"bin/python": "x"} | {f"lib/m{number}": "m" for number in range(50)})
    layout = Layout(Path(machine.root))
    Runner(layout, owner).run("deploy", version="a")
    return layout.resident("a")


def test_nothing_changed(as_admin: Client, tree: Path) -> None:
    page = as_admin.get(ADDRESS).content.decode()
    assert "a is as it was sealed" in page
    assert DISCARD not in page


def test_what_changed_who_owns_it_and_what_to_do(as_admin: Client, tree: Path) -> None:
    (tree / "new<b>").write_text("x")
    (tree / "bin/python").unlink()
    page = as_admin.get(ADDRESS).content.decode()
    assert "new&lt;b&gt;" in page
    assert "bin/python" in page
    assert "root" in page or "user" in page
    assert BACKUP in page
    assert DISCARD in page


def test_a_viewer_sees_it_and_cannot_act(as_viewer: Client, tree: Path) -> None:
    (tree / "new").touch()
    page = as_viewer.get(ADDRESS).content.decode()
    assert "new" in page
    assert BACKUP not in page


def test_a_tree_that_cannot_be_trusted(as_admin: Client, tree: Path) -> None:
    (tree / ".dlstack.json").unlink()
    assert "does not carry the identity" in as_admin.get(ADDRESS).content.decode()


def test_another_machine(as_admin: Client, elsewhere: Machine) -> None:
    assert "is another machine" in as_admin.get("/machines/gp12/drift/").content.decode()


def test_outsiders(stranger: Client, as_admin: Client, machine: Machine) -> None:
    assert stranger.get(ADDRESS).status_code == 302
    assert as_admin.post(ADDRESS).status_code == 405
    assert as_admin.get("/machines/none/drift/").status_code == 404
