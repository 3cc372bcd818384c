"""Builds where no sandbox is to be had: the live prefix is baked into a tree that lies elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stacks.engine import journal, sandbox, services
from stacks.engine.errors import EngineError, Refused
from stacks.engine.kernels.pinning import unpin
from stacks.engine.layout import Layout
from tests.engine import channel as channels
from tests.engine.channel import MINOR, PYTHON, Package
from tests.engine.conftest import Runner
from tests.engine.strategies.shared import as_before, asked, grep
from tests.engine.test_conda import KERNEL, spelled
from tests.wheels import Index, tiny_recipe


def test_a_conda_environment_is_built_elsewhere_with_the_live_prefix_baked_in(
    layout: Layout, runner: Runner, channel: Path, notebooks: services.Service
) -> None:
    text = spelled(
        channel,
        "greeter",
        "prefixed",
        more=KERNEL.replace("[[environments.kernelspecs]]", "[[environments.kernelspecs]]\nrequired = false"),
    )
    outcome = runner.run("build", version="a", generation=1, recipe_text=text, strategy="prefix")
    assert not [event for event in runner.events if event.text.startswith(("stop", "start"))]
    assert outcome["packages"]["anaconda3"]["python"] == PYTHON
    # The link script of “prefixed” would have baked the build's own path in.
    assert outcome["warnings"] == {"anaconda3": 1}
    assert any("link script of prefixed was not run" in event.text for event in runner.events)
    as_before(layout, None)
    tree, prefix = layout.version("a") / "anaconda3", layout.live / "anaconda3"
    assert (tree / "bin/prefixed").read_text().startswith(f"#!{prefix}/bin/python\n")
    assert f"{prefix}/lib/prefixed\0".encode() in (tree / "share/prefixed.bin").read_bytes()
    spec = json.loads((tree / "share/jupyter/kernels/python3/kernel.json").read_text())
    assert unpin(spec)["argv"][0] == f"{prefix}/bin/python"
    assert grep(tree, layout.state, Path("/tmp/dlstack-inputs")) == ""
    os.symlink("sw.a", layout.live)
    code = "import greeter, os; print(greeter.main.__code__.co_filename); greeter.main()"
    said = subprocess.check_output([prefix / "bin/python", "-c", code], text=True)
    library = f"{prefix}/lib/python{MINOR}"
    assert said.splitlines() == [f"{library}/site-packages/greeter/__init__.py", "hello from greeter"]
    compiled = next((tree / f"lib/python{MINOR}/__pycache__").glob("os.*.pyc"))
    assert f"{library}/os.py".encode() in compiled.read_bytes()


@pytest.mark.parametrize("strategy", ["prefix", "sandbox"])
def test_without_bubblewrap_other_recipes_are_refused_with_what_to_do(
    layout: Layout, runner: Runner, index: Index, without_bubblewrap: None, strategy: str
) -> None:
    with pytest.raises(Refused, match="repoint, which pauses services"):
        runner.run("build", **asked(index, "a", strategy=strategy))
    more = {"pip": ("x",), "more": ""}
    with pytest.raises(Refused, match="pip packages of “anaconda3” must be installed at the live path"):
        runner.run("build", version="a", generation=1, recipe_text=spelled("file:///usr", **more), strategy=strategy)  # type: ignore[arg-type]
    assert journal.history(layout) == []


@pytest.fixture
def without_bubblewrap(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH with all that the engine starts, but for bubblewrap."""
    programs = place / "bin"
    programs.mkdir()
    for name in ("setpriv", "rsync", "git", "sh", "true"):
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))


def test_without_bubblewrap_a_conda_recipe_is_built_all_the_same(
    layout: Layout, runner: Runner, place: Path, without_bubblewrap: None
) -> None:
    files: dict[str, bytes | Path] = {"bin/python": b"#!/bin/sh\nexit 0\n", f"lib/python{MINOR}/os.py": b"\n"}
    channels.write(place / "small", [Package("python", PYTHON, files)])
    text = spelled(place / "small")
    assert "There is no sandbox" in runner.plan("build", version="a", generation=1, recipe_text=text).summary
    assert runner.run("build", version="a", generation=1, recipe_text=text)["strategy"] == "prefix"
    as_before(layout, None)


def test_an_unknown_strategy_lists_those_that_there_are(runner: Runner, index: Index) -> None:
    with pytest.raises(EngineError, match="use sandbox, repoint, in-production, prefix"):
        runner.plan("build", **asked(index, "a", strategy="magic"))


def test_a_solve_needs_no_sandbox(layout: Layout, runner: Runner, index: Index, without_bubblewrap: None) -> None:
    outcome = runner.run("solve", recipe_text=tiny_recipe(index))
    assert outcome["changes"]["anaconda3"]["added"] == {"tiny-sky": "1.0", "tiny-star": "1.0"}
    as_before(layout, None)


def test_namespaces_that_are_forbidden_are_found_out_by_trying(place: Path, without_bubblewrap: None) -> None:
    program = place / "bin/bwrap"
    program.write_text("#!/bin/sh\necho No permissions to create new namespace >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(Refused, match=r"does not let bubblewrap make namespaces .*No permissions to create"):
        sandbox.check()
