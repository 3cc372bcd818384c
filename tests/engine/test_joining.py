"""What joining writes on a machine where systemd runs: units, their start, and a provision that finds its work done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.engine import facts, services
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.provision import Host, joining
from stacks.engine.stop import Stop
from tests.engine.machines import host, needs_root
from tests.engine.provisioning import dlstack, plan, root

VARIABLES = {"DLSTACK_MACHINE": "gp13", "DATABASE_URL": "postgres://u:s3cr3t@db/d", "REDIS_URL": "redis://:s3cr3t@b",
             "DLSTACK_SECRET_KEY": "s3cr3t key"}  # fmt: skip


def join(new: Host, **told: str) -> list[str]:
    """Write what a machine needs that joins, and give all the commands that were shown for it."""
    said = {"machine": "gp13", "root": str(root(new)), "layout": "resident", "owner": "64990:64990"}
    asked = joining.read({**said, **told}, new)
    joining.prepare(new)
    needed = [one for one in joining.actions(asked, new, VARIABLES, again=False) if one.needed]
    for action in needed:
        action.work(lambda _: None, Stop())
    return [command for action in needed for command in action.commands]


@needs_root
def test_workers_and_restore_are_enabled_and_started(place: Path) -> None:
    new = host(place, systemd=True)
    commands = join(new)
    assert not any("s3cr3t" in command for command in commands)
    asked = (place / "asked").read_text().splitlines()
    assert asked == ["daemon-reload", "enable dlstack-serve.service dlstack-restore.service"]
    assert new.systemctl is not None
    joining.start(new.systemctl, lambda _: None)
    workers = "dlstack-build.service dlstack-live.service"
    assert (place / "asked").read_text().splitlines()[2:] == [f"enable {workers}", f"restart {workers}"]
    wants = new.units / "multi-user.target.wants"
    assert {path.name for path in wants.iterdir()} == {
        f"dlstack-{name}.service" for name in ("serve", "restore", "build", "live")
    }


@needs_root
def test_a_provision_afterwards_keeps_what_joining_wrote(place: Path) -> None:
    new = host(place, systemd=True)
    join(new)
    written = {path: path.read_bytes() for path in (new.environment, *new.units.glob("*.service"))}
    assert dlstack(new, "--size", "64M", "--machine", "gp13") == 0
    assert {path: path.read_bytes() for path in written} == written
    assert new.environment.stat().st_mode & 0o7777 == 0o600


@needs_root
def test_joining_after_a_provision_keeps_the_services_that_are_paused(place: Path) -> None:
    new = host(place, systemd=True)
    words = ("--size", "64M", "--machine", "gp13", "--owner", "nobody", "--service", "hub.service")
    assert dlstack(new, *words) == 0
    assert services.listed(Layout(root(new))) == [{"unit": "hub.service"}]
    before = {path: path.read_bytes() for path in (new.polkit, *new.units.glob("*.service"))}
    new.environment.unlink()
    join(new, owner="nobody")
    assert {path: path.read_bytes() for path in before} == before


@needs_root
def test_another_name_goes_into_units_and_queues(place: Path) -> None:
    new = host(place, systemd=True)
    join(new)
    new.environment.unlink()
    join(new, machine="gp14")
    assert "--queues gp14.live --hostname live@gp14" in (new.units / "dlstack-live.service").read_text()
    assert "units" not in plan(new, machine="gp14")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({}, "lacks DATABASE_URL"),
        (["DATABASE_URL"], "lacks DATABASE_URL"),
        (None, "lacks DATABASE_URL"),
        ({**VARIABLES, "REDIS_URL": ""}, "lacks REDIS_URL"),
        ({**VARIABLES, "DATABASE_URL": 1}, "lacks DATABASE_URL"),
        ({**VARIABLES, "REDIS_URL": "redis://x\nLD_PRELOAD=/x"}, "control characters in REDIS_URL"),
    ],
)
def test_answers_that_no_file_can_hold(answer: Any, says: str) -> None:
    with pytest.raises(Refused, match=says):
        joining.check(answer)


def test_only_known_variables_are_taken() -> None:
    found = joining.check({**VARIABLES, "LD_PRELOAD": "/x", "PATH": "/x", "DLSTACK_DEBUG": "1"})
    assert found == VARIABLES


def test_what_an_admin_wrote_stays(place: Path) -> None:
    asked = joining.read(
        {"machine": "gp13", "root": str(place / "data0"), "layout": "resident", "owner": "64990:64990"}, host(place)
    )
    before = "A=1\n# DATABASE_URL=x\nexport B='2 3'\nDLSTACK_MACHINE=old\nC=x\\\n y\nDATABASE_URL=old\nA=4\n"
    written = joining.text(asked, VARIABLES, before)
    assert "A=4\n" in written
    assert "A=1" not in written
    assert "export B='2 3'\n" in written
    assert "C=x\\\n y\n" in written
    assert "=old" not in written
    assert joining.text(asked, VARIABLES, written) == written


def test_facts_are_told_of_a_machine_that_has_nothing_yet(place: Path) -> None:
    found = facts.gather(place / "not/made/yet")
    assert found["disk"] > 0
    assert found["memory"] > 0
    assert found["cpus"] > 0
    assert found["rsync"][0].isdigit()
    assert found["bubblewrap"][0].isdigit()
