"""Guests on the bare machine: who they are, what they find, and that nothing of them is left."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stacks.engine import process
from stacks.engine.errors import CommandFailed
from stacks.engine.events import Event
from stacks.engine.grounds import Bare, reached_python, reaches
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.engine.owner import Owner
from stacks.engine.stop import Stop
from tests.conftest import REPOSITORY
from tests.engine.machines import AS_UNIT, OWNER, needs_root


@pytest.fixture
def ground(layout: Layout, owner: Owner, place: Path) -> Bare:
    inputs, tree = place / "inputs", place / "tree"
    inputs.mkdir(mode=0o755)
    tree.mkdir()
    return Bare(layout, owner, inputs, tree)


def said(ground: Bare, script: str, **env: str) -> list[str]:
    events: list[Event] = []
    process.run(ground.command(["sh", "-c", script], label="", env=env), events.append, Stop())
    return [event.text for event in events if event.kind == "output"]


def test_guests_run_as_the_owner_without_any_right_in_an_environment_of_their_own(ground: Bare, owner: Owner) -> None:
    rights = "grep -E '^Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status" if os.geteuid() == 0 else "true"
    found = said(
        ground, f"id -u; id -G; pwd; env | cut -d= -f1 | sort | grep -vi proxy | tr '\\n' ' '; {rights}", MORE="1"
    )
    assert found[:3] == [str(owner.uid), str(owner.gid), str(ground.tree)]
    assert {"HOME", "MORE", "PATH", "PWD", "TMPDIR"} <= set(found[3].split())
    assert not {"DLSTACK_HOME", "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "PYTHONPATH"} & set(found[3].split())
    assert all(line.split()[1] in ("0000000000000000", "1") for line in found[4:])


_AS_WORKER = """
import subprocess, sys
from pathlib import Path
from stacks.engine import sandbox
from stacks.engine.grounds import Bare
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
place = Path(sys.argv[1])
sandbox.check()
command = Bare(Layout(place / "root"), resolve(), place / "inputs", place).command(
    ["grep", "-E", "^Cap(Prm|Eff|Amb)", "/proc/self/status"], label="", env={})
sys.stdout.write(subprocess.run(command.argv, env=command.env, stdout=subprocess.PIPE, text=True, check=True).stdout)
"""


@needs_root
def test_a_worker_with_capabilities_has_the_sandbox_and_gives_none_of_them_to_guests(place: Path) -> None:
    (place / "inputs").mkdir()
    for path in (place, place / "inputs"):
        os.chown(path, OWNER.uid, OWNER.gid)
    argv = [*AS_UNIT, sys.executable, "-c", _AS_WORKER, str(place)]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {line.split()[1] for line in done.stdout.splitlines()} == {"0000000000000000"}


def test_a_shell_says_the_path_that_it_was_told(ground: Bare, place: Path) -> None:
    link = place / "link"
    link.symlink_to(ground.tree)
    assert said(Bare(ground.layout, ground.owner, ground.inputs, link), "pwd") == [str(link)]


def test_what_the_owner_cannot_reach_is_copied_and_the_rest_linked(ground: Bare, place: Path) -> None:
    closed = place / "closed"
    (closed / "inner").mkdir(parents=True)
    for file in (place / "open", closed / "tool", closed / "inner/file"):
        file.write_text("#!/bin/sh\necho hello\n")
        file.chmod(0o755)
    closed.chmod(0o700)
    paths = [ground.offer(name, source) for name, source in (("a", place / "open"), ("b", closed / "tool"))]
    assert said(ground, "; ".join(paths)) == ["hello", "hello"]
    assert said(ground, f"cat {ground.offer('lib/c', closed / 'inner')}/file | wc -l") == ["2"]
    assert Path(paths[0]).is_symlink()
    assert Path(paths[1]).is_symlink() == ground.owner.is_self
    assert reaches(ground.owner, closed / "tool") == ground.owner.is_self


def test_a_python_that_the_owner_reaches_is_found(ground: Bare) -> None:
    assert said(ground, f"{reached_python(ground.owner)} -c 'import hashlib; print(hashlib.file_digest.__name__)'") == [
        "file_digest"
    ]


def test_nothing_a_guest_started_is_left(ground: Bare, place: Path) -> None:
    mark = f"{place}/never"
    found = said(ground, f"setsid sh -c 'while :; do test -e {mark}; sleep 0.05; done' & echo done")
    assert found == ["done"]
    left = subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True, check=False)
    assert left.stdout == ""


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)])
def test_the_status_of_a_guest_is_told(ground: Bare, script: str, status: int) -> None:
    with pytest.raises(CommandFailed) as caught:
        said(ground, script)
    assert caught.value.status == status


def test_the_end_of_the_worker_ends_all_that_a_guest_started(ground: Bare) -> None:
    mark = f"{ground.tree}/never"
    loop = f"while :; do test -e {mark}; sleep 0.05; done"
    orders = ground.inputs / "worker.py"
    argv = ["sh", "-c", f"setsid sh -c '{loop}' & echo begun; sleep 600; echo after"]
    orders.write_text(
        f"""import os, subprocess, sys
own = {str(os.getpid())!r}
argv = [str(os.getpid()) if word == own else word for word in {list(ground.command(argv, label="", env={}).argv)!r}]
subprocess.run(argv)
"""
    )
    running = subprocess.Popen([sys.executable, str(orders)], stdout=subprocess.PIPE, cwd=ground.tree)
    assert running.stdout is not None
    assert running.stdout.readline() == b"begun\n"
    running.kill()
    running.wait()
    assert running.stdout.read() == b""  # it ends when the last of them has ended
    running.stdout.close()
    assert subprocess.run(["pgrep", "-f", mark], capture_output=True, check=False).stdout == b""


def test_a_guest_whose_worker_is_gone_before_it_begins_does_nothing(ground: Bare) -> None:
    command = ground.command(["sh", "-c", f"touch {ground.inputs}/home/made"], label="", env={})
    late = ["sh", "-c", 'sleep 0.3 && exec "$@" &', "sh", *command.argv]
    subprocess.run(late, env=dict(command.env), cwd=command.cwd, check=True)
    time.sleep(1)
    assert list((ground.inputs / "home").iterdir()) == []
    process.run(command, lambda event: None, Stop())
    assert [path.name for path in (ground.inputs / "home").iterdir()] == ["made"]


def test_guests_inherit_the_locks(ground: Bare) -> None:
    with lane_lock(ground.layout, "live") as descriptor:
        locked = dataclasses.replace(ground, lock_fds=(descriptor,))
        found = said(locked, "ls -l /proc/self/fd")
    assert any(line.endswith("locks/live.lock") for line in found)
