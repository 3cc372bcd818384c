"""Rebuilding exactly: from the lockfile of a version, or from a lockfile that is given, while indexes move on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from stacks.engine import journal, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from tests.engine import channel as channels
from tests.engine.channel import MINOR, PYTHON, Package
from tests.engine.conftest import Make, Runner
from tests.engine.test_build import asked, state
from tests.engine.test_conda import spelled
from tests.engine.test_script import RECIPE as SCRIPTED
from tests.engine.test_script import commit, git
from tests.wheels import Index, tiny_recipe


def move_on(index: Index) -> None:
    index.add("tiny-sky", "3.0", 'NAME = "sky 3.0"\n\ndef main():\n    print(NAME)\n', script="tiny-sky")
    index.add("tiny-star", "2.0", "STAR = 43\n", requires=("tiny-sky",))


def test_a_version_is_rebuilt_like_another_while_the_index_moves_on(
    layout: Layout, runner: Runner, index: Index
) -> None:
    first = runner.run("build", **asked(index, "a", "tiny-star"))
    move_on(index)
    assert runner.run("build", **asked(index, "new", "tiny-star"))["packages"]["anaconda3"]["tiny-star"] == "2.0"
    again = runner.run("build", version="b", generation=3, like="a")
    assert again["packages"] == first["packages"] == {"anaconda3": {"tiny-sky": "2.0", "tiny-star": "1.0"}}
    one, other = (versions.need_sealed(layout, name) for name in ("a", "b"))
    assert (one.lockfile, one.recipe_text, one.recipe, one.revision) == (
        *(other.lockfile, other.recipe_text, other.recipe, other.revision),
    )
    runner.run("deploy", version="b")
    assert subprocess.check_output([layout.live / "anaconda3/bin/tiny-sky"], text=True) == "sky 2.0\n"


def test_the_options_of_the_other_version_are_taken_too(layout: Layout, runner: Runner, index: Index) -> None:
    option = '[options.dev]\ntitle = "Development"\nreplace.anaconda3 = {"tiny-star" = "tiny-star==1.0"}\n'
    text = tiny_recipe(index, "tiny-star") + option
    runner.run("build", version="a", generation=1, recipe_text=text, options=["dev"])
    runner.run("build", version="b", generation=2, like="a", options=[])
    assert versions.need_sealed(layout, "b").options == ["dev"]


def test_the_plan_says_that_nothing_is_resolved(runner: Runner, index: Index) -> None:
    lockfile = runner.run("build", **asked(index, "a"))["lockfile"]
    plan = runner.plan("build", **asked(index, "b", lockfile=lockfile))
    titles = [step.title for step in plan.steps]
    assert "Take anaconda3 from the lockfile" in titles
    assert not [title for title in titles if title.startswith("Resolve")]


def test_a_lockfile_that_is_given_is_installed_and_recorded(layout: Layout, runner: Runner, index: Index) -> None:
    lockfile = runner.run("build", **asked(index, "a", "tiny-star"))["lockfile"]
    move_on(index)
    runner.run("build", **asked(index, "b", "tiny-star", lockfile=lockfile))
    assert versions.need_sealed(layout, "b").lockfile == lockfile


def test_a_conda_environment_is_rebuilt_while_the_channel_moves_on(runner: Runner, tmp_path: Path) -> None:
    files: dict[str, bytes | Path] = {"bin/python": b"#!/bin/sh\nexit 0\n", f"lib/python{MINOR}/os.py": b"\n"}
    own = [Package("python", PYTHON, files), Package("data", "1.0", {"share/data": b"old"})]
    channels.write(tmp_path / "channel", own)
    first = runner.run("build", version="a", generation=1, recipe_text=spelled(tmp_path / "channel", "data"))
    repodata = tmp_path / "channel/linux-64/repodata.json"
    known = json.loads(repodata.read_text())
    line = channels.pack(Package("data", "2.0", {"share/data": b"new"}), tmp_path / "channel/linux-64")
    known["packages"]["data-2.0-0.tar.bz2"] = line
    repodata.write_text(json.dumps(known))
    again = runner.run("build", version="b", generation=2, like="a")
    assert again["packages"] == first["packages"]
    assert again["packages"]["anaconda3"]["data"] == "1.0"


def test_a_script_is_rebuilt_at_its_commit(layout: Layout, runner: Runner, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    commit(repository, {"say.sh": "#!/bin/sh\nmkdir anaconda3; echo old > SAID\n"})
    text = SCRIPTED.format(source=repository, script="say.sh", ref="HEAD")
    runner.run("build", version="a", generation=1, recipe_text=text)
    commit(repository, {"say.sh": "#!/bin/sh\nmkdir anaconda3; echo new > SAID\n"})
    runner.run("build", version="b", generation=2, like="a")
    assert (layout.version("b") / "SAID").read_text() == "old\n"


THEIRS = (os.geteuid() or 899, os.getegid() or 899)
EXTERNAL = f'[[environments]]\npath = "theirs"\ninstaller = "external"\nowner = "{THEIRS[0]}:{THEIRS[1]}"\n'


def test_an_external_environment_is_carried_over_in_a_rebuild(layout: Layout, runner: Runner, index: Index) -> None:
    runner.run("build", version="a", generation=1, recipe_text=tiny_recipe(index) + EXTERNAL)
    again = runner.run("build", version="b", generation=2, like="a")
    assert again["externals"] == {"theirs": THEIRS}
    assert (layout.version("b") / "theirs").is_dir()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lockfile": {"other": "x==1"}}, "nothing for the environment “anaconda3”: it has other"),
        ({"lockfile": {"anaconda3": 7}}, "nothing for the environment"),
        ({"lockfile": {"anaconda3": "--index-url=file:///x\ntiny-sky==1.0\n"}}, "no lockfile of a Python environment"),
        ({"lockfile": {"anaconda3": "[conda]\n"}}, "no lockfile of a Python environment"),
        ({"like": "nothing"}, "does not exist"),
        ({"like": "../x"}, "cannot name a version"),
        ({"like": "byhand"}, "was not built from a recipe here"),
    ],
)
def test_what_cannot_be_rebuilt_is_refused_and_changes_nothing(
    layout: Layout, runner: Runner, index: Index, version: Make, *, change: dict[str, object], says: str
) -> None:
    version("byhand", {"file": "x"})
    before = state(layout)
    with pytest.raises(Refused, match=says):
        runner.run("build", **(asked(index, "b") | change))
    assert state(layout) == before
    assert journal.history(layout) == []


@pytest.mark.parametrize(
    ("installer", "lockfile", "says"),
    [
        ("conda", "numpy==1\n", "no lockfile of a conda environment"),
        ("conda", "[conda]\nnot json\n", "describes no conda package"),
        ("conda", '[conda]\n{"name": "x"}\n', "describes no conda package"),
        ("script", "commit = ", "no lockfile of a script"),
        ("script", 'ref = "x"\n', "no lockfile of a script"),
    ],
)
def test_a_lockfile_of_another_installer_is_refused(
    runner: Runner, tmp_path: Path, installer: str, lockfile: str, says: str
) -> None:
    text = spelled(tmp_path) if installer == "conda" else SCRIPTED.format(source=tmp_path, script="x", ref="HEAD")
    with pytest.raises(Refused, match=says):
        runner.plan("build", version="a", generation=1, recipe_text=text, lockfile={"anaconda3": lockfile})
