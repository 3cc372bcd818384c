"""A new machine: what would be typed, what is done, what is refused; and a second time nothing at all."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.engine import mounts, ramdisk
from stacks.engine.command import main
from stacks.engine.errors import NothingToDo, Refused
from stacks.engine.layout import Layout
from stacks.engine.provision import Host, templates, tmpfs
from stacks.plans import provision
from tests.engine.conftest import Runner
from tests.engine.machines import OWNER, host, listing, machine_place, needs_root, unmount_below

REPOSITORY = Path(__file__).parents[2]
AS_OWNER = ("--owner", "64990:64990")


@pytest.fixture
def place() -> Iterator[Path]:
    with machine_place() as made:
        yield made


@pytest.fixture(params=[False, True], ids=["fstab", "systemd"])
def machine(request: pytest.FixtureRequest, place: Path) -> Host:
    return host(place, systemd=request.param)


def root(machine: Host) -> Path:
    return machine.etc.parent / "data0"


def dlstack(machine: Host, *arguments: str) -> int:
    return main(["provision", str(root(machine)), *AS_OWNER, *arguments], host=machine)


def plan(new: Host, /, **parameters: object) -> list[str]:
    """Name the steps that a plan would have."""
    context = Runner(Layout(root(new)), OWNER).context(parameters)
    return [step.name for step in provision.plan(context, new).steps]


def typed(text: str, machine: Host) -> None:
    """Do what a root user does: type it."""
    place = machine.etc.parent
    subprocess.run(
        ["sh", "-eu"], input=text, text=True, check=True, env={"PATH": f"{place}/bin:/usr/sbin:/usr/bin:/bin"}
    )


@pytest.mark.parametrize("layout", ["resident", "in-place"])
def test_a_dry_run_prints_what_the_manual_says_and_changes_nothing(
    machine: Host, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = listing(machine.etc.parent, times=True)
    assert dlstack(machine, "--dry-run", "--layout", layout, "--size", "64M", "--inodes", "5000") == 0
    assert listing(machine.etc.parent, times=True) == before
    data0 = root(machine)
    options = "size=64m,nr_inodes=5000,mode=0755,uid=64990,gid=64990,nosuid,nodev"
    lines = capsys.readouterr().out.splitlines()
    assert f"install -d -m 755 -o 64990 -g 64990 {data0}" in lines
    assert f"mkdir -m 755 {data0}/sw.tmpfs" in lines
    assert f"install -d -m 755 -o 64990 -g 64990 {data0}/kernel-specs" in lines
    assert (f"ln -s sw.tmpfs {data0}/sw" in lines) == (layout == "in-place")
    if machine.systemctl:
        unit = templates.unit_name(data0 / "sw.tmpfs", "mount")
        assert {f"Where={data0}/sw.tmpfs", f"Options={options}", f"systemctl enable --now '{unit}'"} <= set(lines)
    else:
        assert f"mount -t tmpfs -o {options} tmpfs {data0}/sw.tmpfs" in lines
        assert f"echo 'tmpfs {data0}/sw.tmpfs tmpfs {options} 0 0' >> {machine.fstab}" in lines
    assert "noexec" not in "".join(line for line in lines if not line.startswith("#"))


@needs_root
@pytest.mark.parametrize("layout", ["resident", "in-place"])
def test_it_makes_what_the_commands_make(machine: Host, layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = machine.etc.parent
    (machine.etc / "fstab").write_text("# by hand\nproc /proc proc defaults 0 0")
    before = shutil.copytree(machine.etc, place / "etc.before")
    asked = ("--layout", layout, "--size", "64M", "--service", "jupyterhub", "--owner", "nobody")
    assert dlstack(machine, "--dry-run", *asked) == 0
    text = capsys.readouterr().out
    assert dlstack(machine, *asked) == 0
    made = {path: found for path, found in listing(place).items() if not path.endswith(("live.lock", "asked"))}
    assert mounts.is_tmpfs(root(machine) / "sw.tmpfs")
    unmount_below(place)
    shutil.rmtree(root(machine))
    shutil.rmtree(machine.etc)
    shutil.copytree(before, machine.etc)
    typed(text, machine)
    found = {path: found for path, found in listing(place).items() if not path.endswith("asked")}
    assert {path: value for path, value in found.items() if made.get(path) != value} == {}
    assert set(found) == set(made)
    assert mounts.is_tmpfs(root(machine) / "sw.tmpfs")
    assert dlstack(machine, *asked) == 0
    assert "nothing to do" in capsys.readouterr().out


@needs_root
def test_a_second_time_nothing_changes(machine: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlstack(machine) == 0
    before = listing(machine.etc.parent, times=True)
    for again in ((), ("--json",), ("--dry-run",), ("--layout", "resident")):
        assert dlstack(machine, *again) == 0
    assert listing(machine.etc.parent, times=True) == before
    assert "there is nothing to do" in capsys.readouterr().out
    with pytest.raises(NothingToDo, match="provisioned already"):
        plan(machine)


@needs_root
@pytest.mark.parametrize("layout", ["resident", "in-place"])
def test_broken_off_anywhere_it_is_completed_by_another_run(machine: Host, layout: str) -> None:
    place, asked = machine.etc.parent, {"layout": layout, "ramdisk_bytes": 64 * 1024**2}
    total = len(plan(machine, **asked))
    for done in range(1, total):
        context = Runner(Layout(root(machine)), OWNER).context(asked)
        for step in provision.plan(context, machine).steps[:done]:
            step.run(context)
        assert dlstack(machine, "--layout", layout, "--size", "64M") == 0
        with pytest.raises(NothingToDo):
            plan(machine)
        assert (root(machine).stat().st_uid, mounts.is_tmpfs(root(machine) / "sw.tmpfs")) == (64990, True)
        unmount_below(place)
        shutil.rmtree(root(machine))
        shutil.rmtree(machine.etc)
        machine.units.mkdir(parents=True)


@needs_root
def test_a_symlink_in_the_place_of_a_directory_is_not_followed(machine: Host) -> None:
    outside = machine.etc.parent / "outside"
    outside.mkdir(mode=0o700)
    root(machine).mkdir()
    for planted in (".dlstack", ".dlstack/build"):
        place = root(machine) / planted
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(outside)
        assert dlstack(machine, "--size", "64M") == 2
        assert outside.stat().st_mode & 0o7777 == 0o700
        assert (outside.stat().st_uid, list(outside.iterdir())) == (0, [])
        place.unlink()
        unmount_below(root(machine))


@needs_root
def test_the_root_belongs_to_the_owner_whatever_the_umask(machine: Host) -> None:
    umask = os.umask(0o077)
    try:
        assert dlstack(machine, "--size", "64M") == 0
    finally:
        os.umask(umask)
    for path in (".", "sw.tmpfs", ".dlstack", ".dlstack/versions", ".dlstack/locks", "kernel-specs"):
        status = (root(machine) / path).stat()
        assert (oct(status.st_mode & 0o7777), status.st_uid, status.st_gid) == ("0o755", 64990, 64990), path
    assert (root(machine) / ".dlstack/build").stat().st_mode & 0o7777 == 0o700
    assert mounts.room(root(machine) / "sw.tmpfs").bytes_total == 64 * 1024**2


@needs_root
def test_an_existing_directory_is_not_given_away(machine: Host) -> None:
    root(machine).mkdir()
    (root(machine) / "home").mkdir()
    assert "root" not in plan(machine)
    (root(machine) / "home").rmdir()
    assert "root" in plan(machine)


@needs_root
def test_parents_that_others_can_write_are_refused_until_told(machine: Host) -> None:
    place = machine.etc.parent
    for open_to_all in (place, root(machine)):
        open_to_all.mkdir(exist_ok=True)
        open_to_all.chmod(0o777)
        with pytest.raises(Refused, match=f"chmod o-w {open_to_all},"):
            plan(machine)
        open_to_all.chmod(0o1777)
        assert "mount" in plan(machine)
        open_to_all.chmod(0o777)
        assert dlstack(machine) == 2
        assert "mount" in plan(machine, trust_parents=True)
        open_to_all.chmod(0o755)
    root(machine).chmod(0o777)
    assert dlstack(machine, "--trust-parents", "--size", "64M") == 0
    assert root(machine).stat().st_mode & 0o7777 == 0o777


def test_a_way_through_a_link_is_looked_at_too(machine: Host) -> None:
    place = machine.etc.parent
    (place / "open/inner").mkdir(parents=True)
    (place / "open").chmod(0o777)
    (place / "way").symlink_to("open/inner")
    with pytest.raises(Refused, match=f"{place}/open can be written"):
        main_plan(machine, place / "way" / "data0")


def main_plan(machine: Host, data0: Path) -> None:
    provision.plan(Runner(Layout(data0), OWNER).context({}), machine)


def test_roots_that_are_no_new_machine_are_refused(machine: Host) -> None:
    place, data0 = machine.etc.parent, root(machine)
    data0.symlink_to("etc")
    with pytest.raises(Refused, match="is a symlink to etc"):
        plan(machine)
    data0.unlink()
    data0.touch()
    with pytest.raises(Refused, match="is not a directory"):
        plan(machine)
    data0.unlink()
    for made in ("sw.2026-10-01/anaconda3", "sw/anaconda3"):
        (data0 / made).mkdir(parents=True)
        with pytest.raises(Refused, match="adopt"):
            plan(machine)
        shutil.rmtree(data0)
    with pytest.raises(Refused, match="cannot be named in system files"):
        main_plan(machine, place / "a b")
    assert dlstack(machine, "--size", "much") == dlstack(machine, "--layout", "none") == 2
    assert listing(machine.etc) == {path: found for path, found in listing(machine.etc).items() if "fstab" not in path}
    assert not data0.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"ramdisk_bytes": 1}, {"ramdisk_bytes": 2**40}, {"ramdisk_bytes": "8G"}, {"inodes": True}, {"machine": "Gp 02"},
     {"services": "jupyterhub"}, {"services": [{"unit": "-x"}]}, {"layout": 7}],
)  # fmt: skip
def test_bad_values_are_refused(machine: Host, wrong: dict[str, object]) -> None:
    with pytest.raises(Refused):
        plan(machine, **wrong)


@needs_root
def test_nothing_is_mounted_over_files_or_other_filesystems(machine: Host) -> None:
    disk = root(machine) / "sw.tmpfs"
    disk.mkdir(parents=True)
    (disk / "file").touch()
    with pytest.raises(Refused, match="nothing is mounted over them"):
        plan(machine)
    with pytest.raises(Refused, match="nothing was mounted over it"):
        tmpfs.check_mountable(disk)
    (disk / "file").unlink()
    subprocess.run(["mount", "-t", "proc", "proc", disk], check=True)
    with pytest.raises(Refused, match=r"not a tmpfs \(proc\)"):
        plan(machine)
    subprocess.run(["umount", disk], check=True)
    disk.rmdir()
    disk.symlink_to("/var")
    with pytest.raises(Refused, match="remove the symlink"):
        plan(machine)


@needs_root
def test_a_tmpfs_that_is_mounted_is_taken_as_it_is(machine: Host) -> None:
    disk = root(machine) / "sw.tmpfs"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk], check=True)
    (disk / "there").write_text("kept")
    assert dlstack(machine) == 0
    assert (disk / "there").read_text() == "kept"
    assert mounts.room(disk).bytes_total == 32 * 1024**2
    written = machine.units / templates.unit_name(disk, "mount") if machine.systemctl else machine.fstab
    assert "size=32m," in written.read_text()
    if not machine.systemctl:
        assert sum(str(disk) in line for line in Path("/proc/self/mounts").read_text().splitlines()) == 1


@needs_root
def test_the_embedded_ramdisk_is_kept_and_said(machine: Host, capsys: pytest.CaptureFixture[str]) -> None:
    layout = Layout(root(machine))
    ramdisk.prepare(layout, OWNER)
    private = os.readlink(layout.ramdisk)
    try:
        assert dlstack(machine) == 0
        assert "was kept: nothing was mounted" in capsys.readouterr().out
        assert os.readlink(layout.ramdisk) == private
        assert not machine.fstab.exists()
    finally:
        shutil.rmtree(private)


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
def test_a_line_in_fstab_is_kept_or_refused_never_doubled(machine: Host, options: str, agrees: bool) -> None:
    line = f"tmpfs {root(machine)}/sw.tmpfs/ tmpfs {options} 0 0\n"
    machine.fstab.write_text(f"# tmpfs {root(machine)}/sw.tmpfs tmpfs noexec\n{line}")
    if not agrees:
        with pytest.raises(Refused, match="has another line for"):
            plan(machine, ramdisk_bytes=512 * 1024**2)
        return
    steps = plan_as_root(machine, ramdisk_bytes=512 * 1024**2)
    assert "mount" in steps
    assert not {"fstab", "mount-unit"} & set(steps)


def plan_as_root(machine: Host, **parameters: object) -> list[str]:
    return plan(host(machine.etc.parent, systemd=bool(machine.systemctl), uid=0), **parameters)


@needs_root
def test_fstab_keeps_every_byte(place: Path) -> None:
    machine = host(place)
    before = b"# caf\xe9\n\tUUID=1 / ext4 defaults 0 1"
    (place / "real").write_bytes(before)
    (place / "real").chmod(0o640)
    machine.fstab.symlink_to("../real")
    assert dlstack(machine, "--size", "64M") == 0
    after = (place / "real").read_bytes()
    assert after.startswith(before + b"\ntmpfs ")
    assert after.endswith(b" 0 0\n")
    assert after.count(b"\n") == 3
    assert machine.fstab.is_symlink()
    assert (place / "real").stat().st_mode & 0o7777 == 0o640


@needs_root
def test_a_failed_mount_leaves_fstab_alone_and_can_be_repeated(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = host(place)
    machine.fstab.write_text("")
    with monkeypatch.context() as patched:
        patched.setattr(tmpfs.Tmpfs, "spelled", "size=nonsense")
        assert dlstack(machine) == 1
    assert machine.fstab.read_text() == ""
    assert dlstack(machine, "--size", "64M") == 0


def unit(machine: Host, name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(machine.units / name)
    return parser


@needs_root
def test_units_name_the_machines_own_paths_and_no_more_rights_than_needed(place: Path) -> None:
    machine = host(place, systemd=True)
    assert dlstack(machine, "--size", "64M", "--owner", "nobody", "--service", "jupyterhub") == 0
    data0 = root(machine)
    mount = templates.unit_name(data0 / "sw.tmpfs", "mount")
    names = ("dlstack-serve.service", "dlstack-restore.service", "dlstack-build.service", "dlstack-live.service")
    for name in names:
        service = unit(machine, name)["Service"]
        assert service["User"] == "nobody"
        assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"]
        assert service["AmbientCapabilities"].split() == ["CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE"]
        assert service["ExecStart"].startswith(f"{sys.executable} -m ")
        assert "$" not in (machine.units / name).read_text()
    serve, restore, live = (unit(machine, name) for name in (names[0], names[1], names[3]))
    assert serve["Service"]["ExecStart"].endswith(f"stacks.engine restore {data0} --serve-only")
    assert (serve["Unit"]["After"], serve["Unit"]["Before"]) == (mount, "jupyterhub.service")
    assert restore["Service"]["ExecStart"].endswith(f"stacks.engine restore {data0}")
    assert restore["Unit"]["After"] == f"{mount} dlstack-serve.service"
    assert (restore["Service"]["Type"], restore["Unit"]["Before"]) == ("oneshot", "")
    assert "--queues gp02.live --hostname live@gp02" in live["Service"]["ExecStart"]
    assert live["Service"]["EnvironmentFile"] == str(machine.environment)
    assert (live["Service"]["TimeoutStopSec"], live["Service"]["KillMode"]) == ("60", "mixed")
    assert f"DLSTACK_ROOT={data0}\n" in machine.environment.read_text()
    assert machine.environment.stat().st_mode & 0o7777 == 0o600
    assert 'var units = ["jupyterhub.service"];' in machine.polkit.read_text()
    assert json.loads((data0 / ".dlstack/services.json").read_text()) == [{"unit": "jupyterhub"}]
    assert (place / "asked").read_text().count("enable --now") == 1


@needs_root
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("layout", ["resident", "in-place"])
def test_systemd_itself_finds_nothing_wrong_with_the_units(place: Path, layout: str) -> None:
    machine = host(place, systemd=True)
    assert dlstack(machine, "--size", "64M", "--layout", layout) == 0
    units = [path for path in machine.units.iterdir() if path.is_file()]
    argv = ["systemd-analyze", "verify", *map(str, units)]
    environment = {"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{machine.units}:"}
    done = subprocess.run(argv, capture_output=True, text=True, env=environment)
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(place) in line]) == (0, [])


@needs_root
def test_under_layout_in_place_notebooks_wait_for_the_restore(place: Path) -> None:
    machine = host(place, systemd=True)
    assert dlstack(machine, "--size", "64M", "--layout", "in-place") == 0
    assert unit(machine, "dlstack-restore.service")["Unit"]["Before"] == "jupyterhub.service"


@needs_root
def test_units_of_another_root_stay_and_ours_are_renewed(place: Path) -> None:
    machine = host(place, systemd=True)
    assert dlstack(machine, "--size", "64M") == 0
    live = machine.units / "dlstack-live.service"
    text = live.read_text()
    live.write_text(text.replace("KillMode=mixed", ""))
    assert plan(machine) == ["units", "remarks"]
    assert dlstack(machine) == 0
    assert live.read_text() == text
    live.write_text(text.replace(f"root {root(machine)}.", "root /data1."))
    with pytest.raises(Refused, match="move it away"):
        plan(machine)
    live.write_text(text)
    with pytest.raises(Refused, match="is there already with other values"):
        plan(machine, ramdisk_bytes=128 * 1024**2)
    machine.environment.write_text("DATABASE_URL=secret")
    assert dlstack(machine) == 0
    assert machine.environment.read_text() == "DATABASE_URL=secret"


@pytest.mark.skipif(shutil.which("systemd-escape") is None, reason="systemd-escape is not installed")
@pytest.mark.parametrize("path", ["/data0/sw.tmpfs", "/srv/a-b/sw.tmpfs", "/.hid/sw.tmpfs", "/a:b_c@d+e/sw.tmpfs"])
def test_mount_units_are_named_as_systemd_names_them(path: str) -> None:
    named = subprocess.check_output(["systemd-escape", "--path", "--suffix=mount", path], text=True)
    assert templates.unit_name(Path(path), "mount") == named.strip()


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
    machine = host(place, uid=4711)
    context = Runner(Layout(root(machine)), OWNER).context({})
    with pytest.raises(Refused, match="User 4711 may not: Make the root"):
        provision.plan(context, machine)
    assert f"mkdir -m 755 {root(machine)}/sw.tmpfs" in context.outcome["commands"]
