"""Solving only: what a build would change against the active version; nothing is built or left."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from stacks.engine import journal, recovery, versions
from stacks.engine.errors import CommandFailed, Refused
from stacks.engine.installers import index as pins
from stacks.engine.installers.conda import Conda
from stacks.engine.layout import Layout
from tests.engine import channel as channels
from tests.engine.channel import MINOR, PYTHON, Package
from tests.engine.conftest import Make, Runner
from tests.engine.test_build import asked, state
from tests.engine.test_conda import spelled
from tests.engine.test_rebuild import EXTERNAL, move_on
from tests.engine.test_script import RECIPE as SCRIPTED
from tests.engine.test_script import commit, git
from tests.wheels import Index, tiny_recipe

NOTHING: dict[str, object] = {"added": {}, "removed": {}, "changed": {}}


def test_the_changes_against_the_active_version(layout: Layout, runner: Runner, index: Index) -> None:
    index.add("tiny-moon", "1.0", "MOON = 1\n")
    runner.run("build", **asked(index, "a", "tiny-star", "tiny-moon"))
    runner.run("deploy", version="a")
    move_on(index)
    index.add("tiny-sun", "1.0", "SUN = 1\n")
    before = state(layout)
    outcome = runner.run("solve", recipe_text=tiny_recipe(index, "tiny-star", "tiny-sun"))
    assert outcome["against"] == "a"
    assert outcome["changes"] == {
        "anaconda3": {
            "added": {"tiny-sun": "1.0"},
            "removed": {"tiny-moon": "1.0"},
            "changed": {"tiny-sky": ["2.0", "3.0"], "tiny-star": ["1.0", "2.0"]},
        }
    }
    assert state(layout) == before
    assert "anaconda3: 1 added, 1 removed, 2 changed" in runner.text
    built = runner.run("build", version="b", generation=2, recipe_text=tiny_recipe(index, "tiny-star", "tiny-sun"))
    assert built["lockfile"] == outcome["lockfile"]


def test_the_same_recipe_changes_nothing(runner: Runner, index: Index) -> None:
    runner.run("build", **asked(index, "a"))
    runner.run("deploy", version="a")
    assert runner.run("solve", recipe_text=tiny_recipe(index))["changes"] == {"anaconda3": NOTHING}
    assert "nothing changes" in runner.text


def test_options_count(runner: Runner, index: Index) -> None:
    option = '[options.new]\ntitle = "New"\nreplace.anaconda3 = {"tiny-sky==1.0" = "tiny-sky==2.0"}\n'
    text = tiny_recipe(index) + option
    runner.run("build", version="a", generation=1, recipe_text=text)
    runner.run("deploy", version="a")
    changed = runner.run("solve", recipe_text=text, options=["new"])["changes"]["anaconda3"]["changed"]
    assert changed == {"tiny-sky": ["1.0", "2.0"]}


def test_where_nothing_is_active_all_is_added(layout: Layout, runner: Runner, index: Index) -> None:
    before = state(layout)
    outcome = runner.run("solve", recipe_text=tiny_recipe(index))
    assert outcome["against"] is None
    assert outcome["changes"]["anaconda3"] == NOTHING | {"added": {"tiny-sky": "1.0", "tiny-star": "1.0"}}
    assert state(layout) == before


def test_a_version_without_a_lockfile_is_compared_by_what_is_installed(
    layout: Layout, runner: Runner, version: Make, index: Index
) -> None:
    info = "anaconda3/lib/python3.11/site-packages/tiny_sky-0.9.dist-info/METADATA"
    description = version("byhand", {info: "Metadata-Version: 2.1\nName: tiny_sky\nVersion: 0.9\n"})
    content = versions.tree(layout, "byhand").manifest
    held = {"anaconda3": {"tiny-sky": "0.9"}, "gone": {"x": "1"}}
    known = dataclasses.replace(description, packages=held)
    versions.store(layout, known, content, replace=True)
    runner.run("deploy", version="byhand")
    outcome = runner.run("solve", recipe_text=tiny_recipe(index, "tiny-sky==1.0"))
    assert outcome["changes"] == {
        "anaconda3": NOTHING | {"changed": {"tiny-sky": ["0.9", "1.0"]}},
        "gone": NOTHING | {"removed": {"x": "1"}},
    }


def test_conda_packages_are_compared_with_those_of_pip(runner: Runner, tmp_path: Path, index: Index) -> None:
    files: dict[str, bytes | Path] = {"bin/python": b"#!/bin/sh\nexit 0\n", f"lib/python{MINOR}/os.py": b"\n"}
    data = Package("Data_Set", "1.0", {"share/data": b"1"})
    channels.write(tmp_path / "channel", [Package("python", PYTHON, files), data])
    more = f'index = "{index.url}"\n'
    outcome = runner.run("solve", recipe_text=spelled(tmp_path / "channel", pip=("tiny-star",), more=more))
    added = {"python": PYTHON, "tiny-star": "1.0", "tiny-sky": "2.0"}
    assert outcome["changes"]["anaconda3"]["added"] == added
    assert Conda().packages(outcome["lockfile"]["anaconda3"]) == added


def test_what_cannot_be_known_is_said(layout: Layout, runner: Runner, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    commit(repository, {"say.sh": "#!/bin/sh\nmkdir anaconda3\n"})
    text = SCRIPTED.format(source=repository, script="say.sh", ref="HEAD") + EXTERNAL
    changes = runner.run("solve", recipe_text=text)["changes"]
    assert changes["anaconda3"] == NOTHING | {"note": "What a script installs cannot be known before it runs."}
    assert changes["theirs"] == NOTHING | {"note": "It is carried over as its owner has it."}


def test_a_solve_that_fails_leaves_nothing(layout: Layout, runner: Runner, index: Index) -> None:
    before = state(layout)
    with pytest.raises(CommandFailed, match="tiny-nothing"):
        runner.run("solve", recipe_text=tiny_recipe(index, "tiny-nothing"))
    assert state(layout) == before
    assert journal.history(layout)[-1]["outcome"] == "undone"


def test_a_killed_solve_leaves_nothing(layout: Layout, runner: Runner, index: Index) -> None:
    before = state(layout)
    parameters = {"recipe_text": tiny_recipe(index)}
    plan, context = runner.plan("solve", **parameters), runner.context(parameters)
    for step in plan.steps[:2]:
        step.run(context)
    assert layout.building.is_dir()
    assert "Nothing is left" in recovery.recover(layout, "build")[0]
    assert state(layout) == before


def test_a_bad_recipe_is_refused_at_once(runner: Runner, index: Index, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not valid TOML"):
        runner.plan("solve", recipe_text="name = ")
    with pytest.raises(Refused, match="does not exist on this machine"):
        runner.plan("solve", recipe_text=tiny_recipe(Index(tmp_path / "nowhere")))


def test_pins_are_read_as_names_and_versions() -> None:
    commit_id = "0123456789" * 4
    locked = (
        "# a comment\n"
        "Some.Package[extra]==1.2.post1 ; python_version >= '3' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        f"from_git @ git+https://example.org/x@{commit_id}\n    # via y\n"
        "archive @ https://example.org/archive.zip \\\n    --hash=sha256:cc\n"
    )
    assert pins.pins(locked) == {
        "some-package": "1.2.post1",
        "from-git": commit_id,
        "archive": "https://example.org/archive.zip",
    }
