"""The command without web, database and broker; it knows neither Django nor the settings."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.engine import journal, ramdisk, resident
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from tests.engine.conftest import Make, Runner

REPOSITORY = Path(__file__).parents[2]


def dlstack(*arguments: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "stacks.engine", *map(str, arguments)]
    return subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})


@pytest.fixture
def machine(layout: Layout, version: Make, runner: Runner) -> Layout:
    for name in "ab":
        version(name, {"file": name}, mtime=1e9)
        runner.run("deploy", version=name)
    return layout


def test_revert_puts_the_version_before_back_and_is_in_the_history(machine: Layout) -> None:
    done = dlstack("revert", machine.root, "--reason", "at 3 a.m.")
    assert (done.returncode, done.stderr) == (0, "")
    assert resident.active(machine) == "a"
    last = journal.history(machine)[-2]  # before the note of the command itself
    assert (last["kind"], last["version"], last["previous"], last["outcome"]) == ("revert", "a", "b", "succeeded")
    again = dlstack("revert", machine.root)
    assert again.returncode == 2
    assert "name the VERSION" in again.stderr


def test_status_and_outcomes_are_one_json_document(machine: Layout) -> None:
    found = json.loads(dlstack("status", machine.root, "--json").stdout)
    assert (found["active"], found["resident"]) == ("b", ["a", "b"])
    assert json.loads(dlstack("revert", machine.root, "a", "--json").stdout)["version"] == "a"


def test_restore_after_a_reboot(machine: Layout) -> None:
    shutil.rmtree(ramdisk.private_directory(machine))
    assert dlstack("restore", machine.root).returncode == 0
    assert resident.active(machine) == "b"


def test_a_restore_that_is_not_needed_is_no_failure(machine: Layout) -> None:
    done = dlstack("restore", machine.root)
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing to restore" in done.stdout
    assert json.loads(dlstack("restore", machine.root, "--json").stdout)["changed"] is False


def test_versions_are_removed_and_pruned_but_not_by_a_dry_run(machine: Layout, version: Make) -> None:
    for name in "cdef":
        version(name, {"file": name})
    assert dlstack("remove", machine.root, "b").returncode == 2
    assert dlstack("remove", machine.root, "c").returncode == 0
    assert not machine.version("c").exists()
    dry = dlstack("prune", machine.root, "--keep", "1", "--pinned", "d", "--dry-run")
    assert (dry.returncode, "Deletes “e”" in dry.stdout) == (0, True)
    assert machine.version("e").exists()
    assert dlstack("prune", machine.root, "--keep", "1", "--pinned", "d").returncode == 0
    assert [path.name for path in sorted(machine.root.glob("sw.[a-f]"))] == ["sw.a", "sw.b", "sw.d", "sw.f"]


def test_verify_tells_good_from_bad(machine: Layout) -> None:
    assert dlstack("verify", machine.root, "a", "--full").returncode == 0
    (machine.version("a") / "file").write_text("x")
    bad = dlstack("verify", machine.root, "a")
    assert bad.returncode == 1
    assert "file: mtime_ns differ" in bad.stderr


def test_backup_keeps_what_changed(machine: Layout) -> None:
    (machine.live / "new").touch()
    assert dlstack("backup", machine.root).returncode == 0
    assert resident.backing(machine) == "b+1"


@pytest.mark.parametrize("arguments", [["revert", "{root}", "../x"], ["verify", "{root}", "nope"], ["status", "/"]])
def test_bad_input_is_refused_in_one_line(machine: Layout, arguments: list[str]) -> None:
    done = dlstack(*(item.format(root=machine.root) for item in arguments))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert resident.active(machine) == "b"


def test_a_root_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    done = dlstack("restore", tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])


def test_the_lane_of_a_worker_is_respected(machine: Layout) -> None:
    with lane_lock(machine, "live", "deploy #7 by alice"):
        done = dlstack("revert", machine.root)
    assert done.returncode == 2
    assert "deploy #7 by alice" in done.stderr


def test_it_needs_neither_django_nor_celery(machine: Layout) -> None:
    script = (
        "import sys; from stacks.engine.__main__ import main; main(['status', sys.argv[1], '--json']);"
        "sys.exit(bool({'django', 'celery', 'redis'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-c", script, str(machine.root)]
    assert subprocess.run(argv, cwd=REPOSITORY, stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_program_that_its_own_disk_does_not_give_is_told_of_in_one_line(tmp_path: Path) -> None:
    module = REPOSITORY / "stacks/engine/command/__init__.py"
    fails = ["strace", "-o", str(tmp_path / "calls"), "-P", str(module), "-e", "inject=openat:error=EIO"]
    argv = [*fails, sys.executable, "-m", "stacks.engine", "status", str(tmp_path)]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPYCACHEPREFIX": str(tmp_path / "none")}
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stderr) == (1, f"dlstack: [Errno 5] Input/output error: '{module}'\n")
