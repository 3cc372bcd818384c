"""Layout in-place: the manual's procedures, safely; and the way out of it without an outage."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.engine import inplace, journal, links, manifest, recovery, resident, services, status, versions
from stacks.engine.errors import CommandFailed, Failed, Refused
from stacks.engine.layout import Layout
from stacks.engine.trees import Porter
from tests.engine import daemons
from tests.engine.conftest import Make, Runner
from tests.probe import Probe
from tests.wheels import Index, tiny_recipe


@pytest.fixture
def machine(layout: Layout, version: Make, runner: Runner) -> Layout:
    """A root with layout in-place, version a in production."""
    inplace.set_layout(layout, in_place=True)
    filler = {f"lib/f{number}": str(number) for number in range(100)}
    version("a", {"env/file": "a", "env/constant": "6.67", "gone": "x"} | filler, mtime=1e9)
    version("b", {"env/file": "b", "env/constant": "6.68", "new/er": "y"} | filler, mtime=1e9)
    runner.run("deploy", version="a")
    return layout


def served(layout: Layout) -> dict[str, str]:
    return {path: (layout.live / "env" / path).read_text() for path in ("file", "constant")}


def as_sealed(layout: Layout, name: str) -> None:
    """Assert that the live tree is the version to the byte."""
    place = Path(os.path.realpath(layout.live))
    found = [entry for entry in manifest.scan(place).entries if manifest.top(entry.path) != ".dlstack"]
    assert set(found) == set(versions.tree(layout, name).manifest.entries)


def test_deploy_and_revert_leave_the_disk_as_the_manual_says(machine: Layout, runner: Runner) -> None:
    for kind, name in (("deploy", "b"), ("revert", "a"), ("revert", "b")):
        runner.run(kind, version=name)
        assert os.readlink(machine.live) == "sw.tmpfs"
        assert os.readlink(machine.backing) == f"sw.{name}"
        assert served(machine) == {"file": name, "constant": {"a": "6.67", "b": "6.68"}[name]}
        as_sealed(machine, name)
    found = status.read(machine)
    assert (found["layout"], found["active"], found["backing"], found["resident"]) == ("in-place", "b", "b", ["b"])
    assert found["problems"] == []


def test_a_reader_keeps_the_file_that_it_opened(machine: Layout, runner: Runner) -> None:
    with (machine.live / "env/file").open() as opened:
        runner.run("deploy", version="b")
        assert opened.read() == "a"
    assert (machine.live / "env/file").read_text() == "b"


def test_a_plan_says_that_production_is_torn(machine: Layout, runner: Runner) -> None:
    assert "torn" in runner.plan("deploy", version="b").summary


def test_a_failed_copy_puts_the_version_before_back(machine: Layout, runner: Runner) -> None:
    (machine.version("b") / "env/file").unlink()
    (machine.version("b") / "env/file").symlink_to("elsewhere")
    with pytest.raises(Failed, match="env/file"):
        runner.run("deploy", version="b")
    as_sealed(machine, "a")
    assert resident.active(machine) == resident.backing(machine) == "a"
    assert journal.history(machine)[-1]["outcome"] == "undone"


def test_a_source_that_is_gone_deletes_nothing(machine: Layout, runner: Runner) -> None:
    description = versions.need_sealed(machine, "b")
    subprocess.run(["rm", "-rf", machine.version("b")], check=True)
    before = manifest.scan(Path(os.path.realpath(machine.live)))
    with pytest.raises(Refused, match="nothing was done"):
        inplace.sync(machine, description, Porter(runner.events.append, runner.stop))
    assert manifest.scan(Path(os.path.realpath(machine.live))) == before


@pytest.mark.parametrize("killed_after", range(1, 8))
def test_killed_at_any_step_the_tree_is_whole_again(machine: Layout, runner: Runner, killed_after: int) -> None:
    plan, context = runner.plan("deploy", version="b"), runner.context({"version": "b"})
    for step in plan.steps[:killed_after]:
        step.run(context)
    if killed_after == 4:  # in the middle of the copy rather than after it
        (machine.ramdisk / "env/file").write_text("half")
    recovery.recover(machine, "live")
    name = resident.active(machine)
    assert name in ("a", "b")
    as_sealed(machine, name)
    assert resident.backing(machine) == name
    assert journal.pending(machine, "live") is None


def test_while_a_torn_tree_is_mended_readers_get_the_version_on_disk(
    machine: Layout, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, context = runner.plan("deploy", version="b"), runner.context({"version": "b"})
    for step in plan.steps[:4]:
        step.run(context)
    seen, sync = [], inplace.sync

    def look(*arguments: Any) -> None:
        seen.append((os.readlink(machine.live), served(machine)["file"]))
        sync(*arguments)

    monkeypatch.setattr(inplace, "sync", look)
    recovery.recover(machine, "live")
    assert seen == [("sw.a", "a")]
    assert os.readlink(machine.live) == "sw.tmpfs"
    as_sealed(machine, "a")


@pytest.fixture
def daemon(machine: Layout, tmp_path: Path) -> Iterator[Path]:
    with daemons.configured(machine, tmp_path) as pid:
        yield pid


def test_services_that_ran_are_stopped_and_started_again(machine: Layout, runner: Runner, daemon: Path) -> None:
    [service] = services.configured(machine)
    runner.run("deploy", version="b")
    assert not service.is_running()
    service.start(runner.events.append)
    first = daemon.read_text()
    runner.run("revert", version="a")
    assert service.is_running()
    assert daemon.read_text() != first


def test_a_crash_starts_what_the_journal_says_was_running(machine: Layout, runner: Runner, daemon: Path) -> None:
    [service] = services.configured(machine)
    service.start(runner.events.append)
    plan, context = runner.plan("deploy", version="b"), runner.context({"version": "b"})
    for step in plan.steps[:4]:
        step.run(context)
    assert not service.is_running()
    recovery.recover(machine, "live")
    assert service.is_running()


def test_a_service_that_does_not_stop_changes_nothing(machine: Layout, runner: Runner) -> None:
    always: dict[str, object] = {"name": "stubborn", "status": ["true"], "stop": ["true"], "start": ["true"]}
    services.configure(machine, [always])
    with pytest.raises(Failed, match="stubborn still runs"):
        services.pause(services.configured(machine), runner.events.append, patience=0.2)
    with pytest.raises(CommandFailed):
        services.Service("x", ("true",), ("false",), ("true",)).stop(runner.events.append)


@pytest.mark.parametrize("asked", [{}, {"name": "x"}, {"unit": "-x"}, {"unit": "a b"}, {"name": "x", "status": "true"}])
def test_a_service_that_is_not_described_is_refused(machine: Layout, asked: dict[str, object]) -> None:
    with pytest.raises(Refused):
        services.configure(machine, [asked])
    assert services.configured(machine) == []


def test_a_backup_renames_what_is_in_production(machine: Layout, runner: Runner) -> None:
    (machine.live / "env/added").write_text("by a user")
    assert runner.run("backup")["version"] == "a+1"
    assert (machine.version("a+1") / "env/added").read_text() == "by a user"
    assert os.readlink(machine.backing) == "sw.a+1"
    assert resident.active(machine) == "a+1"
    assert runner.run("backup")["changed"] is False


def test_a_restore_after_a_reboot(machine: Layout, runner: Runner) -> None:
    runner.run("deploy", version="b")
    real = Path(os.path.realpath(machine.ramdisk))
    subprocess.run(["find", real, "-mindepth", "1", "-delete"], check=True)
    runner.run("restore")
    assert os.readlink(machine.live) == "sw.tmpfs"
    as_sealed(machine, "b")


def test_it_is_converted_without_an_outage(machine: Layout, runner: Runner) -> None:
    with Probe(machine.live, ["env/file"]) as probe:
        runner.run("convert")
    assert probe.counts["failed"] == 0
    assert probe.counts["reads"] > 0
    assert links.target(machine.live) == "sw.tmpfs/a"
    assert sorted(path.name for path in machine.ramdisk.iterdir()) == [".dlstack", "a"]
    assert status.read(machine)["layout"] == "resident"
    runner.run("deploy", version="b")
    runner.run("revert", version="a")
    assert served(machine)["file"] == "a"


def test_names_in_use_stay_after_a_conversion(machine: Layout, runner: Runner) -> None:
    real = Path(os.path.realpath(machine.ramdisk))
    with (real / "env/file").open():  # this process is left out of the count; another holds the file too
        user = subprocess.Popen(["sleep", "60"], stdin=(real / "env/file").open())
        try:
            assert runner.run("convert")["left"] == ["env"]
            assert (real / "env/file").exists()
        finally:
            user.kill()
            user.wait()


def test_the_kernels_are_started_before_and_after_and_a_dead_one_puts_the_version_before_back(
    machine: Layout, runner: Runner, index: Index
) -> None:
    text = tiny_recipe(index)
    runner.run("build", version="good", generation=3, recipe_text=text)
    runner.run("deploy", version="good")
    dead = text.replace("required = false", "required = true")
    runner.run("build", version="bad", generation=4, recipe_text=dead)
    with pytest.raises(Failed, match="required kernel “tiny” of “bad” does not answer"):
        runner.run("deploy", version="bad")
    as_sealed(machine, "good")
    assert ("pause", "running") not in runner.steps[runner.steps.index(("health", "failed")) :]
    runner.run("deploy", version="bad", override_health=True)
    assert resident.active(machine) == "bad"
    assert journal.last_active(machine, besides=None) == "good"
