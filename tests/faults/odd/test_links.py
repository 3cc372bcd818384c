"""Symlinks of every shape are carried as they are, never followed, and told of at the seal (F17)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stacks.engine import resident, seal, symlinks, versions
from stacks.engine.errors import Failed
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner, seal_building, write_tree
from tests.engine.machines import listing
from tests.faults.odd.links import DANGLING, INSIDE, OUTWARD, SHAPES, make
from tests.wheels import Index, tiny_recipe

FILES = {"file": "ours", "lib/m1": "ours", "lib/deep/m2": "ours"}


@pytest.fixture
def machine(layout: Layout, version: Make, runner: Runner, tmp_path: Path) -> Layout:
    write_tree(tmp_path / "outside", {"secret": "never read", "dir/kept": "kept"})
    version("other", FILES)
    write_tree(layout.building, FILES)
    make(layout.building, SHAPES, live=layout.live, outside=tmp_path / "outside", other="other")
    seal_building(layout, "a")
    runner.run("deploy", version="other")
    runner.run("deploy", version="a")
    return layout


def said(tree: Path) -> dict[str, str]:
    found = (path for path in tree.rglob("*") if path.is_symlink())
    return {str(path.relative_to(tree)): os.readlink(path) for path in found}


def test_there_are_thirty_shapes() -> None:
    assert len(SHAPES) == len(INSIDE) + len(DANGLING) + len(OUTWARD) >= 30


def test_each_is_carried_as_it_is_and_nothing_it_leads_to_is_touched(
    machine: Layout, runner: Runner, tmp_path: Path
) -> None:
    before, outside = said(machine.version("a")), listing(tmp_path / "outside", times=True)
    assert len(before) == len(SHAPES)
    assert said(machine.resident("a")) == before
    words = {"live": machine.live, "outside": tmp_path / "outside", "other": "other"}
    (machine.resident("a") / "more").mkdir()
    added = make(machine.resident("a") / "more", SHAPES, **words)
    name = runner.run("backup")["version"]
    whole = before | {f"more/{path}": target for path, target in added.items()}
    assert said(machine.version(name)) == said(machine.resident(name)) == whole
    runner.run("revert", version="other")
    runner.run("revert", version="a")
    assert said(machine.resident("a")) == before
    runner.run("verify", version="a", full=True)
    runner.run("remove", version=name)
    assert listing(tmp_path / "outside", times=True) == outside
    assert resident.active(machine) == "a"


def test_each_is_known_for_what_it_is(machine: Layout) -> None:
    found = symlinks.review(versions.tree(machine, "a"), machine.live)
    assert {entry.path for entry in found.dangling} == {str(Path(name)) for name in DANGLING}
    assert {entry.path for entry in found.outward} == {str(Path(name)) for name in OUTWARD}


@pytest.mark.parametrize(
    "target",
    ["{state}/build/sw/file", "../.dlstack/build/sw/file", "{ramdisk}/a/file", "lib/../../.dlstack", "{real}/a"],
)
def test_one_into_what_only_the_build_sees_is_not_sealed(layout: Layout, target: str) -> None:
    write_tree(layout.building, {"file": "ours"})
    words = {"state": layout.state, "ramdisk": layout.ramdisk, "real": os.path.realpath(layout.ramdisk)}
    (layout.building / "baked").symlink_to(target.format(**words))
    with pytest.raises(Failed, match="exists only during the build, first baked"):
        seal.scan(layout)


def test_a_build_says_where_its_symlinks_lead(layout: Layout, runner: Runner, index: Index) -> None:
    runner.run("build", version="a", generation=1, recipe_text=tiny_recipe(index))
    [told] = [event for event in runner.events if "lead out of the version" in event.text]
    assert (told.kind, told.step) == ("note", "seal")
    assert "anaconda3/bin/python → /" in told.text
    assert "lead nowhere" not in runner.text
