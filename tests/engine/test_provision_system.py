"""The system files of a new machine: fstab, units, and what they name."""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.engine.errors import Refused
from stacks.engine.provision import Host, templates, tmpfs
from tests.engine.machines import host, needs_root
from tests.engine.provisioning import dlstack, plan, root


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
    assert (live["Service"]["TimeoutStopSec"], live["Service"]["KillMode"]) == ("150", "mixed")
    workers = [unit(machine, name)["Service"] for name in names[2:]]
    walls = [(worker["MemoryMax"], worker["TasksMax"]) for worker in workers]
    assert walls == [("80%", "8192"), ("infinity", "infinity")]
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


def test_only_an_account_can_be_let_pause_units(place: Path) -> None:
    machine = host(place, systemd=True, uid=0)
    with pytest.raises(Refused, match="User 64990 has no account here"):
        plan(machine, services=[{"unit": "jupyterhub"}])
    by_commands = {"name": "hub", "status": ["true"], "stop": ["true"], "start": ["true"]}
    assert "services" in plan(machine, services=[by_commands])
