"""What provisioning leaves alone: what is in the way, what others could replace, what a user may not do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.provision import Host, tmpfs
from stacks.plans import provision
from tests.engine.conftest import Runner
from tests.engine.machines import OWNER, host, listing, needs_root, unmount_below
from tests.engine.provisioning import dlstack, plan, plan_as_root, plan_for, root

REPOSITORY = Path(__file__).parents[2]
AS_OWNER = ("--owner", "64990:64990")


@needs_root
def test_a_symlink_in_the_place_of_a_directory_is_not_followed(new_machine: Host) -> None:
    outside = new_machine.etc.parent / "outside"
    outside.mkdir(mode=0o700)
    root(new_machine).mkdir()
    for planted in (".dlstack", ".dlstack/build"):
        place = root(new_machine) / planted
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(outside)
        assert dlstack(new_machine, "--size", "64M") == 2
        assert outside.stat().st_mode & 0o7777 == 0o700
        assert (outside.stat().st_uid, list(outside.iterdir())) == (0, [])
        place.unlink()
        unmount_below(root(new_machine))


@needs_root
def test_an_existing_directory_is_not_given_away(new_machine: Host) -> None:
    root(new_machine).mkdir()
    (root(new_machine) / "home").mkdir()
    assert "root" not in plan(new_machine)
    (root(new_machine) / "home").rmdir()
    assert "root" in plan(new_machine)


@needs_root
def test_parents_that_others_can_write_are_refused_until_told(new_machine: Host) -> None:
    place = new_machine.etc.parent
    for open_to_all in (place, root(new_machine)):
        open_to_all.mkdir(exist_ok=True)
        open_to_all.chmod(0o777)
        with pytest.raises(Refused, match=f"chmod o-w {open_to_all},"):
            plan(new_machine)
        open_to_all.chmod(0o1777)
        assert "mount" in plan(new_machine)
        open_to_all.chmod(0o777)
        assert dlstack(new_machine) == 2
        assert "mount" in plan(new_machine, trust_parents=True)
        open_to_all.chmod(0o755)
    root(new_machine).chmod(0o777)
    assert dlstack(new_machine, "--trust-parents", "--size", "64M") == 0
    assert root(new_machine).stat().st_mode & 0o7777 == 0o777


def test_a_way_through_a_link_is_looked_at_too(new_machine: Host) -> None:
    place = new_machine.etc.parent
    (place / "open/inner").mkdir(parents=True)
    (place / "open").chmod(0o777)
    (place / "way").symlink_to("open/inner")
    with pytest.raises(Refused, match=f"{place}/open can be written"):
        plan_for(new_machine, place / "way" / "data0")


def test_roots_that_are_no_new_machine_are_refused(new_machine: Host) -> None:
    place, data0 = new_machine.etc.parent, root(new_machine)
    data0.symlink_to("etc")
    with pytest.raises(Refused, match="is a symlink to etc"):
        plan(new_machine)
    data0.unlink()
    data0.touch()
    with pytest.raises(Refused, match="is not a directory"):
        plan(new_machine)
    data0.unlink()
    for made in ("sw.2026-10-01/anaconda3", "sw/anaconda3"):
        (data0 / made).mkdir(parents=True)
        with pytest.raises(Refused, match="adopt"):
            plan(new_machine)
        shutil.rmtree(data0)
    with pytest.raises(Refused, match="cannot be named in system files"):
        plan_for(new_machine, place / "a b")
    before = listing(place, times=True)
    assert dlstack(new_machine, "--size", "much") == dlstack(new_machine, "--layout", "none") == 2
    assert listing(place, times=True) == before


@pytest.mark.parametrize(
    "wrong",
    [{"ramdisk_bytes": 1}, {"ramdisk_bytes": 2**40}, {"ramdisk_bytes": "8G"}, {"inodes": True}, {"machine": "Gp 02"},
     {"services": "jupyterhub"}, {"services": [{"unit": "-x"}]}, {"layout": 7}],
)  # fmt: skip
def test_bad_values_are_refused(new_machine: Host, wrong: dict[str, object]) -> None:
    with pytest.raises(Refused):
        plan(new_machine, **wrong)


@needs_root
def test_nothing_is_mounted_over_files_or_other_filesystems(new_machine: Host) -> None:
    disk = root(new_machine) / "sw.tmpfs"
    disk.mkdir(parents=True)
    (disk / "file").touch()
    with pytest.raises(Refused, match="nothing is mounted over them"):
        plan(new_machine)
    with pytest.raises(Refused, match="nothing was mounted over it"):
        tmpfs.check_mountable(disk)
    (disk / "file").unlink()
    subprocess.run(["mount", "-t", "proc", "proc", disk], check=True)
    with pytest.raises(Refused, match=r"not a tmpfs \(proc\)"):
        plan(new_machine)
    subprocess.run(["umount", disk], check=True)
    disk.rmdir()
    disk.symlink_to("/var")
    with pytest.raises(Refused, match="remove the symlink"):
        plan(new_machine)


@pytest.mark.parametrize(
    ("options", "agrees"),
    [
        ("size=512m,nr_inodes=131072,mode=755,uid=64990,gid=64990,nosuid,nodev", True),
        ("size=50%,nr_inodes=131072,mode=0755,uid=64990,gid=64990,nosuid,nodev,noatime", True),
        ("size=256m,nr_inodes=131072,mode=755,uid=64990,gid=64990,nosuid,nodev", False),
        ("size=512m,nr_inodes=131072,mode=755,uid=64990,gid=64990,nosuid,nodev,noexec", False),
        ("size=512m,nr_inodes=131072,mode=1777,uid=64990,gid=64990,nosuid,nodev", False),
        ("size=512m,nr_inodes=131072,mode=755,uid=0,gid=0,nosuid,nodev", False),
        ("defaults", False),
    ],
)
def test_a_line_in_fstab_is_kept_or_refused_never_doubled(new_machine: Host, options: str, agrees: bool) -> None:
    line = f"tmpfs {root(new_machine)}/sw.tmpfs/ tmpfs {options} 0 0\n"
    new_machine.fstab.write_text(f"# tmpfs {root(new_machine)}/sw.tmpfs tmpfs noexec\n{line}")
    if not agrees:
        with pytest.raises(Refused, match="has another line for"):
            plan(new_machine, ramdisk_bytes=512 * 1024**2)
        return
    steps = plan_as_root(new_machine, ramdisk_bytes=512 * 1024**2)
    assert "mount" in steps
    assert not {"fstab", "mount-unit"} & set(steps)


# Drops root only after everything is imported: the interpreter may lie where nobody else can read.
AS_NOBODY = """
import os, sys
from stacks.engine.__main__ import main
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


def test_a_user_without_rights_gets_the_commands_and_nothing_is_begun(place: Path) -> None:
    place.chmod(0o1777)  # may make the root, but not mount
    before = listing(place, times=True)
    data0 = place / "data0"
    argv = [sys.executable, "-c", AS_NOBODY, "provision", str(data0)]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "may not: " in done.stderr
    assert "Mount the ramdisk" in done.stderr
    assert f"mkdir -m 755 {data0}/sw.tmpfs" in done.stdout.splitlines()
    assert listing(place, times=True) == before
    dry = subprocess.run([*argv, "--dry-run", "--json"], cwd=REPOSITORY, capture_output=True, text=True)
    assert dry.returncode == 0
    permitted = {action["name"]: action["permitted"] for action in json.loads(dry.stdout)["actions"]}
    assert permitted["root"]
    assert not permitted["mount"]
    assert listing(place, times=True) == before


def test_the_commands_are_in_the_outcome_of_who_may_not(place: Path) -> None:
    new_machine = host(place, uid=4711)
    context = Runner(Layout(root(new_machine)), OWNER).context({})
    with pytest.raises(Refused, match="User 4711 may not: Make the root"):
        provision.plan(context, new_machine)
    assert f"mkdir -m 755 {root(new_machine)}/sw.tmpfs" in context.outcome["commands"]


def test_root_that_may_not_mount_is_told_before_anything_is_made(place: Path) -> None:
    shut_in = replace(host(place, uid=0), may_mount=False)
    with pytest.raises(Refused, match="User 0 may not: Mount the ramdisk"):
        plan(shut_in)
    assert not root(shut_in).exists()
