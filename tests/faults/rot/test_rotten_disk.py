"""A block of a disk that cannot be read: work on that version stops, nothing is deleted, and it is named (F15)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from stacks.engine import damage, links, recovery, status
from stacks.engine.errors import Damaged
from tests.conftest import REPOSITORY
from tests.engine.machines import needs_root
from tests.faults.power.disk import missing
from tests.faults.rot.disk import KIND, ROTTEN, Machine, rotten

pytestmark = needs_root


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    if reason := missing(KIND):
        pytest.skip(reason)
    with rotten() as made:
        yield made


def all_paths(machine: Machine) -> list[tuple[str, int]]:
    """List what is there, on disk and in the ramdisk; content is not read."""
    layout = machine.layout
    tops = (layout.root, layout.ramdisk.resolve())
    found = (path for top in tops for path in top.rglob("*") if layout.state not in (path, *path.parents))
    return sorted((str(path), path.lstat().st_ino) for path in found if "trash" not in path.parts)


@pytest.mark.parametrize(
    ("kind", "asked"), [("deploy", {"version": "b"}), ("verify", {"version": "b", "full": True})], ids=lambda one: one
)
def test_it_stops_and_names_the_version_and_what_to_do(machine: Machine, kind: str, asked: dict[str, Any]) -> None:
    layout, before = machine.layout, all_paths(machine)
    with pytest.raises(Damaged) as raised:
        machine.runner.run(kind, **asked)
    assert str(raised.value).startswith("“b” is damaged on disk; nothing was deleted. Rebuild it exactly")
    assert f"{layout.version('b')}" in str(raised.value)
    assert ROTTEN in str(raised.value)
    assert "Input/output error" in str(raised.value)
    assert recovery.recover(layout, "live") == recovery.recover(layout, "build") == []
    assert all_paths(machine) == before
    assert (links.target(layout.live), links.target(layout.backing)) == ("sw.tmpfs/a", "sw.a")
    assert [one.message for one in status.problems(layout) if one.code == "damaged"] == [damage.noted(layout)["b"]]


def test_the_command_line_says_the_same_in_one_sentence(machine: Machine) -> None:
    argv = [sys.executable, "-m", "stacks.engine", "verify", str(machine.layout.root), "b", "--full"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "dlstack: “b” is damaged on disk; nothing was deleted." in done.stderr
    assert "Traceback" not in done.stderr


def test_the_others_are_worked_with_meanwhile(machine: Machine) -> None:
    machine.runner.run("verify", version="a", full=True)
    (machine.layout.resident("a") / "added").write_text("new")
    assert machine.runner.run("backup")["version"] == "a+1"


def test_it_is_no_problem_any_more_when_it_was_found_whole(machine: Machine) -> None:
    layout = machine.layout
    damage._note(layout, damage._Copy("a", layout.version("a"), "“a” is damaged."))
    machine.runner.run("verify", version="a")
    assert "a" in damage.noted(layout)
    machine.runner.run("verify", version="a", full=True)
    assert "a" not in damage.noted(layout)
