"""A read that fails in the midst of a backup, of a seal, of a deploy: nothing is made of what was not read (F15)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stacks.engine import damage, resident, versions
from stacks.engine.layout import Layout
from tests.conftest import REPOSITORY
from tests.engine.conftest import Make, Runner
from tests.engine.machines import listing, needs_root
from tests.wheels import Index, tiny_recipe

pytestmark = needs_root
FILES = {f"lib/m{number}": str(number) for number in range(30)}


@pytest.fixture
def machine(layout: Layout, version: Make, runner: Runner) -> Layout:
    for name in "ab":
        version(name, {"file": name} | FILES, mtime=1e9)
    runner.run("deploy", version="a")
    return layout


def trees(layout: Layout) -> dict[str, dict[str, tuple[object, ...]]]:
    """Describe every copy of every version, to the inode."""
    disk = {f"disk {name}": listing(layout.version(name), times=True) for name in versions.directories(layout)}
    return disk | {f"ram {name}": listing(layout.resident(name), times=True) for name in versions.residents(layout)}


def unread(path: Path, orders: dict[str, Any], place: Path) -> str:
    """Carry a plan out while every read(2) of one file fails as a broken disk makes it fail; give its last words."""
    (place / "orders.json").write_text(json.dumps(orders))
    inject = ("strace", "-f", "-qq", "-o", str(place / "calls"), "-P", os.path.realpath(path))
    calls = "read,pread64,mmap,sendfile,copy_file_range"
    argv = [*inject, "-e", f"trace={calls}", "-e", "inject=read,pread64,sendfile,copy_file_range:error=EIO"]
    argv += [sys.executable, "-m", "tests.engine.run_plan", str(place / "orders.json")]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "(INJECTED)" in (place / "calls").read_text(), "nothing read it"
    assert done.returncode == 1, done.stderr
    return done.stderr.strip().splitlines()[-1]


def orders(layout: Layout, kind: str, **parameters: Any) -> dict[str, Any]:
    return {"root": str(layout.root), "kind": kind, "parameters": parameters}


@pytest.mark.parametrize("full", [False, True], ids=["backup", "backup-full"])
def test_a_backup_keeps_what_it_has_and_says_where_it_could_not_read(
    machine: Layout, runner: Runner, tmp_path: Path, full: bool
) -> None:
    (machine.resident("a") / "added").write_text("new")
    before = trees(machine)
    said = unread(machine.resident("a") / "lib/m7", orders(machine, "backup", full=full), tmp_path)
    assert "“a” is damaged in the ramdisk; nothing was deleted." in said
    assert "lib/m7 cannot be read: Input/output error" in said
    assert trees(machine) == before
    assert not machine.building.exists()
    assert (resident.active(machine), resident.backing(machine)) == ("a", "a")
    assert runner.run("backup")["version"] == "a+1"


@pytest.mark.parametrize("kind", ["deploy", "verify"])
def test_a_version_that_cannot_be_read_is_not_deployed(machine: Layout, tmp_path: Path, kind: str) -> None:
    before = trees(machine)
    asked = {"version": "b"} | ({"full": True} if kind == "verify" else {})
    said = unread(machine.version("b") / "file", orders(machine, kind, **asked), tmp_path)
    assert "“b” is damaged on disk; nothing was deleted." in said
    assert trees(machine) == before
    assert (resident.active(machine), resident.backing(machine)) == ("a", "a")
    assert set(damage.noted(machine)) == {"b"}


def test_what_cannot_be_read_back_is_not_sealed(machine: Layout, index: Index, tmp_path: Path) -> None:
    before = trees(machine)
    asked = orders(machine, "build", version="c", generation=3, recipe_text=tiny_recipe(index))
    said = unread(machine.building / "anaconda3/pyvenv.cfg", asked, tmp_path)
    assert f"cannot be read back from the disk of {machine.root}" in said
    assert "pyvenv.cfg cannot be read: Input/output error" in said
    assert trees(machine) == before
    assert damage.noted(machine) == {}
