"""A new machine: what would be typed, and what is done; a second time nothing at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stacks.engine import mounts, ramdisk
from stacks.engine.errors import NothingToDo
from stacks.engine.layout import Layout
from stacks.engine.provision import Host, templates
from stacks.plans import provision
from tests.engine.conftest import Runner
from tests.engine.machines import OWNER, listing, needs_root, unmount_below
from tests.engine.provisioning import dlstack, plan, root


def typed(text: str, new_machine: Host) -> None:
    """Do what a root user does: type it."""
    place = new_machine.etc.parent
    subprocess.run(
        ["sh", "-eu"], input=text, text=True, check=True, env={"PATH": f"{place}/bin:/usr/sbin:/usr/bin:/bin"}
    )


@pytest.mark.parametrize("layout", ["resident", "in-place"])
def test_a_dry_run_prints_what_the_manual_says_and_changes_nothing(
    new_machine: Host, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = listing(new_machine.etc.parent, times=True)
    assert dlstack(new_machine, "--dry-run", "--layout", layout, "--size", "64M", "--inodes", "5000") == 0
    assert listing(new_machine.etc.parent, times=True) == before
    data0 = root(new_machine)
    options = "size=64m,nr_inodes=5000,mode=0755,uid=64990,gid=64990,nosuid,nodev"
    lines = capsys.readouterr().out.splitlines()
    assert f"install -d -m 755 -o 64990 -g 64990 {data0}" in lines
    assert f"mkdir -m 755 {data0}/sw.tmpfs" in lines
    assert f"install -d -m 755 -o 64990 -g 64990 {data0}/kernel-specs" in lines
    assert (f"ln -s sw.tmpfs {data0}/sw" in lines) == (layout == "in-place")
    if new_machine.systemctl:
        unit = templates.unit_name(data0 / "sw.tmpfs", "mount")
        assert {f"Where={data0}/sw.tmpfs", f"Options={options}", f"systemctl enable --now '{unit}'"} <= set(lines)
    else:
        assert f"mount -t tmpfs -o {options} tmpfs {data0}/sw.tmpfs" in lines
        assert f"echo 'tmpfs {data0}/sw.tmpfs tmpfs {options} 0 0' >> {new_machine.fstab}" in lines
    assert "noexec" not in "".join(line for line in lines if not line.startswith("#"))


@needs_root
@pytest.mark.parametrize("layout", ["resident", "in-place"])
def test_it_makes_what_the_commands_make(new_machine: Host, layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = new_machine.etc.parent
    (new_machine.etc / "fstab").write_text("# by hand\nproc /proc proc defaults 0 0")
    before = shutil.copytree(new_machine.etc, place / "etc.before")
    asked = ("--layout", layout, "--size", "64M", "--service", "jupyterhub", "--owner", "nobody")
    assert dlstack(new_machine, "--dry-run", *asked) == 0
    text = capsys.readouterr().out
    assert dlstack(new_machine, *asked) == 0
    made = {path: found for path, found in listing(place).items() if not path.endswith(("live.lock", "asked"))}
    assert mounts.is_tmpfs(root(new_machine) / "sw.tmpfs")
    unmount_below(place)
    shutil.rmtree(root(new_machine))
    shutil.rmtree(new_machine.etc)
    shutil.copytree(before, new_machine.etc)
    typed(text, new_machine)
    found = {path: found for path, found in listing(place).items() if not path.endswith("asked")}
    assert {path: value for path, value in found.items() if made.get(path) != value} == {}
    assert set(found) == set(made)
    assert mounts.is_tmpfs(root(new_machine) / "sw.tmpfs")
    assert dlstack(new_machine, *asked) == 0
    assert "nothing to do" in capsys.readouterr().out


@needs_root
def test_a_second_time_nothing_changes(new_machine: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlstack(new_machine) == 0
    before = listing(new_machine.etc.parent, times=True)
    for again in ((), ("--json",), ("--dry-run",), ("--layout", "resident")):
        assert dlstack(new_machine, *again) == 0
    assert listing(new_machine.etc.parent, times=True) == before
    assert "there is nothing to do" in capsys.readouterr().out
    with pytest.raises(NothingToDo, match="provisioned already"):
        plan(new_machine)


@needs_root
@pytest.mark.parametrize("layout", ["resident", "in-place"])
def test_broken_off_anywhere_it_is_completed_by_another_run(new_machine: Host, layout: str) -> None:
    place, asked = new_machine.etc.parent, {"layout": layout, "ramdisk_bytes": 64 * 1024**2}
    total = len(plan(new_machine, **asked))
    for done in range(1, total):
        context = Runner(Layout(root(new_machine)), OWNER).context(asked)
        for step in provision.plan(context, new_machine).steps[:done]:
            step.run(context)
        assert dlstack(new_machine, "--layout", layout, "--size", "64M") == 0
        with pytest.raises(NothingToDo):
            plan(new_machine)
        assert (root(new_machine).stat().st_uid, mounts.is_tmpfs(root(new_machine) / "sw.tmpfs")) == (64990, True)
        unmount_below(place)
        shutil.rmtree(root(new_machine))
        shutil.rmtree(new_machine.etc)
        new_machine.units.mkdir(parents=True)


@needs_root
def test_the_root_belongs_to_the_owner_whatever_the_umask(new_machine: Host) -> None:
    umask = os.umask(0o077)
    try:
        assert dlstack(new_machine, "--size", "64M") == 0
    finally:
        os.umask(umask)
    for path in (".", "sw.tmpfs", ".dlstack", ".dlstack/versions", ".dlstack/locks", "kernel-specs"):
        status = (root(new_machine) / path).stat()
        assert (oct(status.st_mode & 0o7777), status.st_uid, status.st_gid) == ("0o755", 64990, 64990), path
    assert (root(new_machine) / ".dlstack/build").stat().st_mode & 0o7777 == 0o700
    assert mounts.room(root(new_machine) / "sw.tmpfs").bytes_total == 64 * 1024**2


@needs_root
def test_a_tmpfs_that_is_mounted_is_taken_as_it_is(new_machine: Host) -> None:
    disk = root(new_machine) / "sw.tmpfs"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk], check=True)
    (disk / "there").write_text("kept")
    assert dlstack(new_machine) == 0
    assert (disk / "there").read_text() == "kept"
    assert mounts.room(disk).bytes_total == 32 * 1024**2
    written = new_machine.units / templates.unit_name(disk, "mount") if new_machine.systemctl else new_machine.fstab
    assert "size=32m," in written.read_text()
    if not new_machine.systemctl:
        assert sum(str(disk) in line for line in Path("/proc/self/mounts").read_text().splitlines()) == 1


@needs_root
def test_the_embedded_ramdisk_is_kept_and_said(new_machine: Host, capsys: pytest.CaptureFixture[str]) -> None:
    layout = Layout(root(new_machine))
    ramdisk.prepare(layout, OWNER)
    private = os.readlink(layout.ramdisk)
    try:
        assert dlstack(new_machine) == 0
        assert "was kept: nothing was mounted" in capsys.readouterr().out
        assert os.readlink(layout.ramdisk) == private
        assert not new_machine.fstab.exists()
    finally:
        shutil.rmtree(private)
