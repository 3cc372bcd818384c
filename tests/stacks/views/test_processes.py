"""Who runs what, counted from the processes that there are."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from stacks import processes
from stacks.engine.errors import Refused
from stacks.models import Machine
from tests.stacks.conftest import Seal

ADDRESS = "/machines/local/processes/"


@pytest.fixture
def running(machine: Machine, sealed: Seal) -> Iterator[subprocess.Popen[bytes]]:
    sealed("a")
    sealed("b")
    with subprocess.Popen(["sleep", "60"], cwd=Path(machine.root) / "sw.a") as process:
        yield process
        process.kill()


def test_it_works(as_viewer: Client, machine: Machine, running: subprocess.Popen[bytes]) -> None:
    assert [(one.version, one.where, one.count, one.programs) for one in processes.count(machine)] == [
        ("a", "disk", 1, ["sleep"])
    ]
    page = as_viewer.get(ADDRESS).content.decode()
    assert "sleep" in page
    assert "60" not in page.split("<main", 1)[1], "arguments may hold secrets"


def test_the_part_alone(as_viewer: Client, running: subprocess.Popen[bytes]) -> None:
    part = as_viewer.get(ADDRESS, headers={"HX-Request": "true"}).content.decode()
    assert "sleep" in part
    assert "<html" not in part


def test_nobody(as_viewer: Client, sealed: Seal) -> None:
    sealed("a")
    assert "No process uses a version." in as_viewer.get(ADDRESS).content.decode()


def test_another_machine(as_viewer: Client, elsewhere: Machine) -> None:
    with pytest.raises(Refused, match="another machine"):
        processes.count(elsewhere)
    assert "its processes are seen there alone" in as_viewer.get("/machines/gp12/processes/").content.decode()
    assert "/machines/gp12/processes/" not in as_viewer.get("/machines/gp12/").content.decode()


def test_outsiders(stranger: Client, as_viewer: Client, machine: Machine) -> None:
    assert stranger.get(ADDRESS).status_code == 302
    assert as_viewer.post(ADDRESS).status_code == 405
    assert as_viewer.get("/machines/none/processes/").status_code == 404
