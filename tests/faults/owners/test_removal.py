"""A tree is removed however deep it is, and although its owner goes on writing in it through what he has open."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.engine import emptying, recovery, trees
from tests.conftest import REPOSITORY
from tests.engine.conftest import Runner, write_tree
from tests.engine.machines import AS_UNIT, OWNER, machine_place, needs_root
from tests.faults.owners.attacks import GID, UID, deep, give, long_names
from tests.faults.owners.drive import PYTHON
from tests.faults.owners.stage import stage

pytestmark = needs_root

# Holds many directories open, and makes files in all of them for as long as it may.
_SQUATTER = """
import os, sys
top = sys.argv[1]
places = [os.open(f"{top}/{name}", os.O_RDONLY) for name in sorted(os.listdir(top)) if name.startswith("d")]
places.append(os.open(top, os.O_RDONLY))
print("begun", flush=True)
while True:
    for place in places:
        for number in range(5):
            try:
                os.close(os.open(f"f{number}", os.O_WRONLY | os.O_CREAT, dir_fd=place))
                os.mkdir(f"m{number}", dir_fd=place)
            except OSError:
                pass
"""


@pytest.fixture
def place() -> Iterator[Path]:
    with machine_place() as made:
        yield made


def squatter(tree: Path) -> subprocess.Popen[str]:
    drop = ["setpriv", "--pdeathsig", "KILL", "--reuid", str(UID), "--regid", str(GID), "--clear-groups", "--"]
    process = subprocess.Popen([*drop, PYTHON, "-c", _SQUATTER, str(tree)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def theirs(place: Path) -> Path:
    tree = place / "theirs"
    write_tree(tree, {f"d{number}/f": "x" for number in range(40)})
    give(tree)
    return tree


def test_whoever_writes_in_it_cannot_keep_it_from_going(place: Path) -> None:
    for _ in range(5):
        tree = theirs(place)
        process = squatter(tree)
        try:
            time.sleep(0.1)
            assert trees.discard(tree, place / "trash") == ""
        finally:
            process.kill()
            process.wait()
        assert list((place / "trash").iterdir()) == []


def test_what_is_deeper_than_any_path_goes_too(place: Path) -> None:
    tree = theirs(place)
    for plant in (deep, long_names):
        plant(tree, place)
    assert trees.discard(tree, place / "trash") == ""
    assert list((place / "trash").iterdir()) == []


def test_a_link_planted_while_it_goes_leads_nowhere(place: Path) -> None:
    outside = place / "outside"
    write_tree(outside, {"kept": "kept"})
    (outside / "kept").chmod(0o600)
    tree = theirs(place)
    for number in range(40):
        (tree / f"d{number}" / "link").symlink_to(outside)
    emptying.remove(tree)
    assert (outside / "kept").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in outside.iterdir()] == ["kept"]


def test_the_worker_of_a_unit_takes_it_over_too(place: Path) -> None:
    (place / "mine").mkdir()
    os.chown(place / "mine", OWNER.uid, OWNER.gid)
    tree = theirs(place / "mine")
    process = squatter(tree)
    code = "import sys; from pathlib import Path; from stacks.engine import trees; "
    code += "print(trees.discard(Path(sys.argv[1]), Path(sys.argv[2])))"
    try:
        argv = [*AS_UNIT, sys.executable, "-c", code, str(tree), str(place / "mine" / "trash")]
        done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
    finally:
        process.kill()
        process.wait()
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")
    assert list((place / "mine" / "trash").iterdir()) == []


def test_what_cannot_be_removed_blocks_no_operation_and_is_told() -> None:
    """An admin's mount, or an immutable file, in the trash: the next operations work and say so each time."""
    with stage() as made:
        stuck = made.layout.trash / "stuck" / "inner"
        stuck.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", stuck], check=True)
        try:
            [said] = recovery.recover(made.layout, "build")
            assert f"{stuck.parent} could not be removed: Device or resource busy" in said
            Runner(made.layout, OWNER).run("verify", version="b")
        finally:
            subprocess.run(["umount", "-l", stuck], check=True)
        assert recovery.recover(made.layout, "build") == []
        assert list(made.layout.trash.iterdir()) == []
