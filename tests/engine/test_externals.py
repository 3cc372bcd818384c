"""External environments keep bytes, owner, mode, times and attributes through everything, and reach nothing outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from stacks.engine import durable, externals, inplace, journal, manifest, recovery, renewal, resident, trees, versions
from stacks.engine.errors import Failed, Refused
from stacks.engine.externals import External
from stacks.engine.layout import Layout
from stacks.engine.trees import Porter
from stacks.plans import health
from tests.engine.conftest import Runner, write_tree
from tests.engine.machines import AS_UNIT, OWNER, machine_place
from tests.wheels import Index, tiny_recipe

UID = GID = 899
REPOSITORY = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another owner's files")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """What another group keeps: odd modes, links of all kinds, attributes, times of its own."""
    place = tmp_path / "theirs"
    write_tree(place, {"bin/python": "#!", "lib/a.py": "a", "lib/closed": "x", "share/doc": "d"}, 1_500_000_000)
    os.link(place / "lib/a.py", place / "lib/hard")
    (place / "lib/soft").symlink_to("a.py")
    (place / "dangling").symlink_to("/nowhere")
    (place / "lib/closed").chmod(0o600)
    (place / "bin/python").chmod(0o4755)
    os.setxattr(place / "share/doc", "user.origin", b"antares")
    subprocess.run(["setfacl", "-m", "u:33:r", place / "share/doc"], check=True)
    give(place)
    return place


def give(place: Path) -> None:
    """Make another owner's what is there."""
    for path in (place, *place.rglob("*")):
        mode = path.lstat().st_mode
        os.lchown(path, UID, GID)
        if not path.is_symlink():
            path.chmod(mode & 0o7777)


def recipe(index: Index, theirs: Path) -> str:
    external = f'\n[[environments]]\npath = "antares-kernel"\ninstaller = "external"\nowner = "{UID}:{GID}"\n'
    return tiny_recipe(index) + external + f'source = "{theirs}"\n'


def build(runner: Runner, name: str, text: str) -> None:
    runner.run("build", version=name, generation=len(name), recipe_text=text)


def test_it_stays_the_same_through_twenty_cycles(layout: Layout, runner: Runner, index: Index, theirs: Path) -> None:
    text = recipe(index, theirs)
    before = externals.look(theirs)
    build(runner, "a", text)
    runner.run("deploy", version="a")
    build(runner, "b", text)
    for number in range(20):
        name = "ba"[number % 2]
        runner.run("revert" if number % 3 else "deploy", version=name)
        if number % 5 == 0:
            (layout.live / f"drift{number}").touch()
            runner.run("backup")
        if number % 7 == 0:
            shutil.rmtree(layout.ramdisk.resolve())
            runner.run("restore")
        assert externals.look(Path(os.path.realpath(layout.live)) / "antares-kernel") == before
    assert externals.look(theirs) == before


def test_it_is_never_shared_between_versions(layout: Layout, runner: Runner, index: Index, theirs: Path) -> None:
    for name in ("a", "b"):
        build(runner, name, recipe(index, theirs))
        runner.run("deploy", version=name)
    places = [layout.version("a"), layout.version("b"), layout.resident("a"), layout.resident("b"), theirs.parent]
    names = ["antares-kernel"] * 4 + ["theirs"]
    inodes = {(place / name / "lib/closed").stat().st_ino for place, name in zip(places[:2], names, strict=False)}
    assert len(inodes) == 2
    assert (layout.version("b") / "antares-kernel/lib/closed").stat().st_nlink == 1
    assert (layout.resident("b") / "antares-kernel/lib/closed").stat().st_nlink == 1


def test_what_its_owner_changed_goes_along_unless_the_versions_own_is_wanted(
    layout: Layout, runner: Runner, index: Index, theirs: Path
) -> None:
    for name in ("a", "b"):
        build(runner, name, recipe(index, theirs))
        runner.run("deploy", version=name)
    update(layout.resident("b") / "antares-kernel/lib/a.py", "updated by 899")
    runner.run("revert", version="a")
    assert (layout.live / "antares-kernel/lib/a.py").read_text() == "updated by 899"
    runner.run("revert", version="b", externals="version")
    assert (layout.live / "antares-kernel/lib/a.py").read_text() == "a"
    update(layout.resident("b") / "antares-kernel/lib/a.py", "updated again")
    build(runner, "c", recipe(index, theirs))
    assert (layout.version("c") / "antares-kernel/lib/a.py").read_text() == "updated again"


def update(file: Path, content: str) -> None:
    """Write as the other owner does: a new file, renamed over the old one."""
    aside = file.with_name("aside")
    aside.write_text(content)
    os.chown(aside, UID, GID)
    aside.rename(file)


def test_a_backup_keeps_what_its_owner_changed(layout: Layout, runner: Runner, index: Index, theirs: Path) -> None:
    build(runner, "a", recipe(index, theirs))
    runner.run("deploy", version="a")
    update(layout.resident("a") / "antares-kernel/lib/a.py", "updated by 899")
    assert runner.run("backup")["version"] == "a+1"
    assert (layout.version("a+1") / "antares-kernel/lib/a.py").read_text() == "updated by 899"
    assert resident.active(layout) == "a+1"


LINKS = ("/etc", "{outside}", "../../..", "/", ".", "/proc/self/root", "link5", "lib/../../..", "{live}", "{state}")
FILES = (
    *("/etc/shadow", "{outside}/secret", "../../../../secret", "/dev/mem", "{state}/history.jsonl"),
    *("../../.dlstack.json", "/proc/self/fd/0", "{outside}/" + "d/" * 50, "{outside}/a\nb", "{outside}/ "),
)
ATTACKS = {f"link{number}": target for number, target in enumerate(LINKS)} | {
    f"lib/file{number}": target for number, target in enumerate(FILES)
}


def test_twenty_planted_symlinks_touch_nothing_outside(
    layout: Layout, runner: Runner, index: Index, theirs: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    write_tree(outside, {"secret": "kept", "dir/file": "kept"}, 1e9)
    words = {"outside": outside, "live": layout.live, "state": layout.state}
    for name, target in ATTACKS.items():
        (theirs / name).symlink_to(target.format(**words))
    give(theirs)
    before = externals.look(outside), externals.look(theirs)
    assert len(ATTACKS) == 20
    for name in ("a", "b", "a"):
        if name not in os.listdir(layout.state / "versions"):
            build(runner, name, recipe(index, theirs))
        runner.run("deploy", version=name)
    (layout.live / "drift").touch()
    runner.run("backup")
    assert (externals.look(outside), externals.look(theirs)) == before
    place = Path(os.path.realpath(layout.live)) / "antares-kernel"
    assert all((place / name).is_symlink() for name in ATTACKS)


def test_swapping_a_directory_for_a_link_in_mid_copy_reaches_nothing_outside(
    theirs: Path, tmp_path: Path, porter: Porter
) -> None:
    outside = tmp_path / "outside"
    write_tree(outside, {f"f{number}": "root's own" for number in range(200)}, 1e9)
    write_tree(theirs / "swapped", {f"f{number}": "theirs" for number in range(200)}, 1e9)
    give(theirs)
    before, stop = externals.look(outside), threading.Event()

    def swap() -> None:
        (theirs / "planted").symlink_to(outside)
        while not stop.is_set():
            durable.exchange(theirs / "planted", theirs / "swapped")

    hostile = threading.Thread(target=swap)
    hostile.start()
    try:
        for number in range(10):
            tree = tmp_path / f"tree{number}"
            tree.mkdir(mode=0o700)
            try:
                externals.carry(External("antares-kernel", UID, GID), theirs, tree, porter)
            except (Failed, OSError):
                continue
    finally:
        stop.set()
        hostile.join()
    assert externals.look(outside) == before
    copied = [path for path in tmp_path.glob("tree*/**/f*") if path.is_file() and not path.is_symlink()]
    assert {path.read_text() for path in copied} <= {"theirs"}


def test_something_planted_in_its_place_is_refused(theirs: Path, tmp_path: Path, porter: Porter) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "antares-kernel").symlink_to(theirs)
    before = externals.look(theirs)
    with pytest.raises(Refused, match="took the place"):
        externals.carry(External("antares-kernel", UID, GID), theirs, tmp_path / "tree", porter)
    assert externals.look(theirs) == before


def test_without_the_right_to_give_files_away_it_is_refused_before_the_start() -> None:
    script = "from stacks.engine import externals as e; e.check_rights([e.External('x', 899, 899)])"
    drop = ["setpriv", "--reuid", "64990", "--regid", "64990", "--clear-groups", "--"]
    if not Path(sys.executable).resolve().is_relative_to("/usr"):
        drop = ["setpriv", "--bounding-set=-chown", "--inh-caps=-chown", "--"]
    argv = [*drop, sys.executable, "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert "to whom this worker may not give files" in done.stderr


def test_the_manifest_can_leave_it_out(theirs: Path, tmp_path: Path) -> None:
    shutil.copytree(theirs, tmp_path / "tree" / "antares-kernel", symlinks=True)
    (tmp_path / "tree" / "own").touch()
    content = manifest.scan(tmp_path / "tree")
    assert [entry.path for entry in externals.without(content, ["antares-kernel"]).entries] == ["own"]


_CARRY = """
import sys
from pathlib import Path
from stacks.engine.errors import Failed
from stacks.engine.externals import External, carry
from stacks.engine.stop import Stop
from stacks.engine.trees import Porter
source, tree = map(Path, sys.argv[1:])
try:
    carry(External("antares", 899, 899), source, tree, Porter(lambda event: None, Stop()))
except Failed as error:
    print(error)
"""


def test_a_worker_with_three_capabilities_copies_it_as_it_is_or_says_that_it_cannot() -> None:
    with machine_place() as place:
        source, tree = place / "source", place / "tree"
        write_tree(source, {"lib/a.py": "a", "bin/python": "#!"}, 1_500_000_000)
        (source / "bin/python").chmod(0o4755)
        (source / "lib/closed").mkdir(mode=0o700)
        (source / "lib/link").symlink_to("a.py")
        give(source)
        tree.mkdir()
        os.chown(tree, OWNER.uid, OWNER.gid)
        argv = [*AS_UNIT, sys.executable, "-c", _CARRY, str(source), str(tree)]
        done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert externals.look(tree / "antares") == externals.look(source)
        shutil.rmtree(tree / "antares")
        (source / "lib").chmod(0o2775)
        done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
        assert "cannot be copied as it is: lib differs in the copy" in done.stdout


@pytest.mark.parametrize("kind", ["deploy", "discard"])
def test_what_its_owner_writes_meanwhile_is_there_afterwards(  # noqa: PLR0917 — each is a fixture
    layout: Layout, runner: Runner, index: Index, theirs: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    text = recipe(index, theirs)
    for number, name in enumerate("ab", 1):
        runner.run("build", version=name, generation=number, recipe_text=text)
    runner.run("deploy", version="a")
    hooked, module = ("gate", health) if kind == "deploy" else ("verify", trees)
    work = getattr(module, hooked)

    def write_and_work(*arguments: Any, **named: Any) -> Any:
        late = layout.live / "antares-kernel" / "written-late"
        late.write_text("by its owner")
        os.chown(late, 899, 899)
        return work(*arguments, **named)

    monkeypatch.setattr(module, hooked, write_and_work)
    runner.run(kind, **({"version": "b"} if kind == "deploy" else {}))
    late = layout.live / "antares-kernel" / "written-late"
    assert (late.read_text(), late.stat().st_uid) == ("by its owner", 899)


def test_a_killed_discard_brings_its_owners_directory_over(
    layout: Layout, runner: Runner, index: Index, theirs: Path
) -> None:
    runner.run("build", version="a", generation=1, recipe_text=recipe(index, theirs))
    runner.run("deploy", version="a")
    plan, context = runner.plan("discard"), runner.context({})
    for step in plan.steps[:-1]:
        step.run(context)
    (layout.live / "antares-kernel" / "written-late").touch()
    description = versions.need_sealed(layout, "a")
    versions.mark(layout.staging("a"), description)
    journal.amend(layout, "live", staged=renewal.staged_inodes(layout, description))
    durable.exchange(layout.staging("a"), layout.resident("a"))
    recovery.recover(layout, "live")
    assert (layout.live / "antares-kernel" / "written-late").exists()
    assert not layout.staging("a").exists()


def test_in_place_it_survives_a_version_that_does_not_have_it(
    layout: Layout, runner: Runner, index: Index, theirs: Path
) -> None:
    inplace.set_layout(layout, in_place=True)
    runner.run("build", version="with", generation=1, recipe_text=recipe(index, theirs))
    runner.run("build", version="without", generation=2, recipe_text=tiny_recipe(index))
    runner.run("deploy", version="with")
    late = layout.live / "antares-kernel" / "written-late"
    late.write_text("by its owner")
    runner.run("deploy", version="without")
    assert not (layout.live / "antares-kernel").exists()
    runner.run("revert", version="with")
    assert late.read_text() == "by its owner"
