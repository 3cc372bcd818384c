"""Backups: what users changed is kept as a version; a bad ramdisk never costs a good copy (invariant 8, F9)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.engine import links, manifest, ramdisk, recovery, resident, versions
from stacks.engine.errors import EngineError, Refused
from stacks.engine.layout import IDENTITY, Layout
from tests.engine.conftest import Make, Runner, write_tree


@pytest.fixture
def machine(layout: Layout, version: Make, runner: Runner) -> Layout:
    files = {f"lib/m{number}": str(number) for number in range(200)}
    version("a", {"file": "a"} | files, mtime=1e9)
    version("b", {"file": "b"} | files, mtime=1e9)
    runner.run("deploy", version="a")
    runner.run("deploy", version="b")
    return layout


def on_disk(layout: Layout) -> dict[str, set[manifest.Entry]]:
    return {name: set(manifest.scan(layout.version(name)).entries) for name in versions.directories(layout)}


def test_nothing_changed_nothing_written(machine: Layout, runner: Runner) -> None:
    before = on_disk(machine)
    assert runner.run("backup") == {"changed": False, "drift": [], "owners": [], "packages_changed": []}
    assert on_disk(machine) == before
    assert links.target(machine.live) == "sw.tmpfs/b"


def test_what_changed_becomes_a_version_that_shares_the_rest(machine: Layout, runner: Runner) -> None:
    before = on_disk(machine)
    (machine.live / "lib/m1").write_text("changed by a user")
    (machine.live / "lib/m2").unlink()
    (machine.live / "added").write_text("new")
    outcome = runner.run("backup")
    assert outcome["version"] == "b+1"
    assert {item["path"]: item["kind"] for item in outcome["drift"]} == {
        "added": "added",
        "lib": "changed",
        "lib/m1": "changed",
        "lib/m2": "removed",
    }
    assert on_disk(machine) == before | {"b+1": on_disk(machine)["b+1"]}
    assert resident.active(machine) == resident.backing(machine) == "b+1"
    assert (machine.version("b+1") / "lib/m1").read_text() == "changed by a user"
    assert (machine.version("b+1") / "lib/m3").samefile(machine.version("b") / "lib/m3")
    assert runner.run("backup")["changed"] is False
    (machine.live / "again").touch()
    assert runner.run("backup")["version"] == "b+2"


def test_the_version_before_is_whole_again_when_it_is_deployed(machine: Layout, runner: Runner) -> None:
    (machine.live / "added").write_text("new")
    runner.run("backup")
    runner.run("revert", version="b")
    assert not (machine.live / "added").exists()
    runner.run("revert", version="b+1")
    assert (machine.live / "added").read_text() == "new"


def unmounted(layout: Layout) -> None:
    shutil.rmtree(ramdisk.private_directory(layout))


def empty(layout: Layout) -> None:
    shutil.rmtree(layout.resident("b"))
    layout.resident("b").mkdir()


def half(layout: Layout) -> None:
    for number in range(150):
        (layout.resident("b") / f"lib/m{number}").unlink()


def no_identity(layout: Layout) -> None:
    (layout.resident("b") / IDENTITY).unlink()


def identity_of_another(layout: Layout) -> None:
    shutil.copy(layout.resident("a") / IDENTITY, layout.resident("b") / IDENTITY)


def identity_by_hand_in_an_empty_tree(layout: Layout) -> None:
    empty(layout)
    shutil.copy(layout.version("b") / IDENTITY, layout.resident("b") / IDENTITY)


def identity_torn(layout: Layout) -> None:
    (layout.resident("b") / IDENTITY).write_text('{"uuid": "')


def identity_is_a_link(layout: Layout) -> None:
    no_identity(layout)
    (layout.resident("b") / IDENTITY).symlink_to(layout.version("b") / IDENTITY)


def on_disk_instead_of_ram(layout: Layout) -> None:
    layout.ramdisk.unlink()
    shutil.copytree(ramdisk.private_directory(layout), layout.ramdisk, symlinks=True)


def ramdisk_leads_to_a_disk(layout: Layout) -> None:
    on_disk_instead_of_ram(layout)
    layout.ramdisk.rename(layout.root / "elsewhere")
    layout.ramdisk.symlink_to("elsewhere")


def live_on_disk(layout: Layout) -> None:
    relink(layout.live, "sw.b")


def live_elsewhere(layout: Layout) -> None:
    relink(layout.live, "/tmp")


def live_on_the_other(layout: Layout) -> None:
    relink(layout.live, "sw.tmpfs/a")


def live_missing(layout: Layout) -> None:
    layout.live.unlink()


def backing_missing(layout: Layout) -> None:
    layout.backing.unlink()


def backing_on_the_other(layout: Layout) -> None:
    relink(layout.backing, "sw.a")


def backing_dangling(layout: Layout) -> None:
    relink(layout.backing, "sw.gone")


def backing_into_the_ramdisk(layout: Layout) -> None:
    relink(layout.backing, "sw.tmpfs/b")


def version_unsealed(layout: Layout) -> None:
    shutil.rmtree(layout.description("b"))


def version_gone_from_disk(layout: Layout) -> None:
    shutil.rmtree(layout.version("b"))


def tree_is_a_link(layout: Layout) -> None:
    layout.resident("b").rename(layout.ramdisk / "moved")
    layout.resident("b").symlink_to("moved")
    (layout.ramdisk / "moved" / IDENTITY).unlink()


BAD: list[Callable[[Layout], None]] = [
    *(unmounted, empty, half, no_identity, identity_of_another, identity_by_hand_in_an_empty_tree, identity_torn),
    *(identity_is_a_link, on_disk_instead_of_ram, ramdisk_leads_to_a_disk, live_on_disk, live_elsewhere),
    *(live_on_the_other, live_missing, backing_missing, backing_on_the_other, backing_dangling),
    *(backing_into_the_ramdisk, version_unsealed, version_gone_from_disk, tree_is_a_link),
]


def relink(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_no_bad_state_of_the_ramdisk_costs_a_good_copy(
    machine: Layout, runner: Runner, spoil: Callable[[Layout], None]
) -> None:
    spoil(machine)
    before, link = on_disk(machine), machine.backing.is_symlink() and os.readlink(machine.backing)
    with pytest.raises(Refused):
        runner.run("backup")
    assert on_disk(machine) == before
    assert (machine.backing.is_symlink() and os.readlink(machine.backing)) == link
    assert not machine.building.exists()


def test_there_are_twenty_bad_states() -> None:
    assert len(BAD) >= 20


def test_killed_while_copying_leaves_the_old_state(machine: Layout, runner: Runner) -> None:
    (machine.live / "added").write_text("new")
    before = on_disk(machine)
    plan, context = runner.plan("backup"), runner.context({})
    for step in plan.steps[:2]:
        step.run(context)
    recovery.recover(machine, "build")
    assert on_disk(machine) == before
    assert resident.backing(machine) == "b"
    assert runner.run("backup")["version"] == "b+1"


def test_a_tree_that_changes_during_the_copy_is_not_sealed(machine: Layout, runner: Runner) -> None:
    (machine.live / "added").write_text("new")
    before = on_disk(machine)
    plan, context = runner.plan("backup"), runner.context({})
    for step in plan.steps[:2]:
        step.run(context)
    runner.run("revert", version="a")
    with pytest.raises(EngineError, match="is not active any more"):
        plan.steps[2].run(context)
    assert set(on_disk(machine)) == set(before)


def test_a_half_made_description_is_no_version(machine: Layout) -> None:
    write_tree(machine.root / "sw.c", {"file": "c"})
    (machine.state / "versions" / "c").mkdir()
    assert "c" not in versions.all_sealed(machine)


def test_it_says_which_packages_changed_and_who_owns_what(layout: Layout, version: Make, runner: Runner) -> None:
    info = "env/lib/python3.11/site-packages/{}-{}.dist-info/METADATA"
    metadata = "Name: {}\nVersion: {}\n"
    files = {info.format(name, "1.0"): metadata.format(name, "1.0") for name in ("numpy", "six")}
    version("p", files | {f"env/lib/m{number}": "" for number in range(100)})
    description = versions.need_sealed(layout, "p")
    listed = {"env": {"numpy": "1.0", "six": "1.0"}}
    versions.store(layout, replace(description, packages=listed), versions.tree(layout, "p").manifest, replace=True)
    runner.run("deploy", version="p")
    place = layout.resident("p")
    (place / info.format("numpy", "1.0")).unlink()
    (place / info.format("numpy", "1.0")).parent.rmdir()
    for name, number in (("numpy", "2.0"), ("scipy", "1.5")):
        file = place / info.format(name, number)
        file.parent.mkdir()
        file.write_text(metadata.format(name, number))
    outcome = runner.run("backup")
    assert outcome["packages_changed"] == ["env: numpy 1.0 → 2.0", "env: scipy not there → 1.5"]
    assert outcome["owners"] == [os.geteuid()]
    assert versions.need_sealed(layout, "p+1").packages["env"]["scipy"] == "1.5"
