"""Where each kernel comes from, and which one users get by a name."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.engine.kernels import checks, inventory, library
from stacks.engine.kernels.inventory import Kernel, Sight
from stacks.engine.kernels.place import Place
from stacks.engine.layout import Layout
from tests.engine.conftest import layout, owner
from tests.kernels import corpus
from tests.kernels.corpus import Stage

__all__ = ["layout", "owner"]


@pytest.fixture
def on(layout: Layout) -> Stage:
    return corpus.stage(layout)


def other(on: Stage, environment: str, name: str, **fields: object) -> Path:
    """Write a kernelspec of another environment, whose program is there."""
    program = on.tree / environment / "bin/python3.9"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("")
    program.chmod(0o755)
    file = on.tree / environment / "share/jupyter/kernels" / name / "kernel.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    argv = [f"{on.layout.live}/{environment}/bin/python3.9", "{connection_file}"]
    file.write_text(json.dumps({"argv": argv, "display_name": name, "language": "python", **fields}))
    return file


def taken(sight: Sight) -> dict[tuple[str, str], Kernel]:
    return {(kernel.environment, kernel.name): kernel for kernel in inventory.take(sight)}


def test_what_is_told_of_a_kernel(on: Stage) -> None:
    file = on.spec("good", [f"{on.prefix}/bin/python", "{connection_file}"], language="python", env={"A": "b"})
    (file.parent / "logo-32x32.png").write_bytes(b"")
    known = {"anaconda3": {"ipykernel": "7.0", "six": "1.0"}}
    sight = replace(checks.sight_of(on.layout, on.tree), packages=known, system=())
    [kernel] = inventory.take(sight)
    assert kernel.directory == f"{on.prefix}/share/jupyter/kernels/good"
    assert (kernel.display_name, kernel.language, kernel.env) == ("Good", "python", {"A": "b"})
    assert (kernel.interpreter, kernel.interpreter_environment) == (f"{on.prefix}/bin/python", "anaconda3")
    assert kernel.interpreter_version.startswith("3.")
    assert kernel.packages == {"ipykernel": "7.0"}
    assert (kernel.logos, kernel.uid, kernel.source) == (["logo-32x32.png"], os.geteuid(), "environment")
    assert json.loads(json.dumps(kernel.plain()))["state"] == "ok"


def test_jupyter_gets_the_first_in_its_search_order(on: Stage, tmp_path: Path) -> None:
    system = (tmp_path / "local", tmp_path / "usr")
    for place in system:
        (place / "good").mkdir(parents=True)
        (place / "good/kernel.json").write_text(json.dumps({"argv": ["/bin/sh", "{connection_file}"]}))
    (system[1] / "only").mkdir()
    (system[1] / "only/kernel.json").write_text(json.dumps({"argv": ["/bin/sh", "{connection_file}"]}))
    on.spec("Good", [f"{on.prefix}/bin/python", "{connection_file}"])
    other(on, "antares", "good")
    sight = replace(checks.sight_of(on.layout, on.tree), system=system, externals=["antares"])
    assert sight.jupyter == "anaconda3"
    found = inventory.take(sight)
    told = [(kernel.environment, kernel.name, kernel.source, kernel.wins) for kernel in found]
    assert told == [
        ("anaconda3", "Good", "environment", True),
        ("antares", "good", "external", False),
        ("", "good", "system", False),
        ("", "good", "system", False),
        ("", "only", "system", True),
    ]
    assert {finding.code for finding in found[1].findings} == {"not-searched"}
    assert found[2].shadowed_by == f"{on.prefix}/share/jupyter/kernels/Good"
    assert "shadowed" in {finding.code for finding in found[2].findings}


def test_twins_are_told(on: Stage) -> None:
    for name in ("one", "two"):
        on.spec(name, [f"{on.prefix}/bin/python", "{connection_file}"], display_name="Python")
    sight = replace(checks.sight_of(on.layout, on.tree), system=())
    assert {kernel.state for kernel in inventory.take(sight)} == {"warning"}


def test_the_source_is_the_library_while_they_are_equal(on: Stage) -> None:
    text = on.spec("good", [f"{on.prefix}/bin/python", "{connection_file}"]).read_text()
    made = library.write(on.layout.kernel_specs, "good", text, expected="")
    sight = checks.sight_of(on.layout, on.tree)
    assert taken(sight)["anaconda3", "good"].source == "library"
    library.write(on.layout.kernel_specs, "good", text.replace("Good", "Better"), expected=made.digest)
    changed = taken(sight)["anaconda3", "good"]
    assert (changed.source, changed.library) == ("environment", "differs")
    assert "differs-from-library" in {finding.code for finding in changed.findings}
    [master] = inventory.of_library(sight)
    assert (master.source, master.display_name, master.state) == ("library", "Better", "ok")


def test_a_library_kernelspec_is_judged_against_the_tree(on: Stage) -> None:
    text = json.dumps({"argv": [f"{on.layout.live}/gone/bin/python", "{connection_file}"], "display_name": "G"})
    library.write(on.layout.kernel_specs, "g", text, expected="")
    [master] = inventory.of_library(checks.sight_of(on.layout, on.tree))
    assert master.code == "no-environment"


def test_versions_of_interpreters_are_read_not_run(on: Stage) -> None:
    other(on, "old", "k")
    conda = on.tree / "conda/conda-meta"
    conda.mkdir(parents=True)
    (conda / "r-base-4.3.1-h1.json").write_text("{}")
    (conda / "python-3.10.2-h1.json").write_text("{}")
    for program in ("R", "python"):
        (on.tree / "conda/bin").mkdir(exist_ok=True)
        (on.tree / "conda/bin" / program).write_text("")
        (on.tree / "conda/bin" / program).chmod(0o755)
        on.spec(program.lower() + "k", [f"{on.layout.live}/conda/bin/{program}", "{connection_file}"])
    found = taken(checks.sight_of(on.layout, on.tree))
    assert found["old", "k"].interpreter_version == "3.9"
    assert found["anaconda3", "rk"].interpreter_version == "4.3.1"
    assert found["anaconda3", "pythonk"].interpreter_version == "3.10.2"


def test_a_bare_python_is_that_of_jupyter(on: Stage) -> None:
    on.spec("bare", ["python3", "-m", "x", "{connection_file}"])
    found = taken(checks.sight_of(on.layout, on.tree))["anaconda3", "bare"]
    assert found.interpreter == f"{on.prefix}/bin/python"
    assert found.state == "warning"


def test_resource_dir_is_filled_in(on: Stage) -> None:
    file = on.spec("own", ["{resource_dir}/start", "{connection_file}"])
    (file.parent / "start").write_text("#!/bin/sh\n")
    (file.parent / "start").chmod(0o755)
    found = taken(checks.sight_of(on.layout, on.tree))["anaconda3", "own"]
    assert found.interpreter == f"{on.prefix}/share/jupyter/kernels/own/start"
    assert found.state == "ok"


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("/live/a/file", "a/file"),
        ("/live/link", "a/file"),
        ("/live/absolute", "a/file"),
        ("/live/up/file", "a/file"),
        ("/live/loop", None),
        ("/live/none", None),
        ("/live/a/../a/file", "a/file"),
    ],
)
def test_symlinks_are_followed_as_at_the_live_path(tmp_path: Path, path: str, leads: str | None) -> None:
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "a/file").write_text("")
    (tree / "link").symlink_to("a/file")
    (tree / "absolute").symlink_to("/live/a/file")
    (tree / "up").symlink_to("a/../a")
    (tree / "loop").symlink_to("loop")
    found = Place(tree, Path("/live")).resolve(Path(path))
    assert found == (tree / leads if leads else None)


def test_a_tree_without_environments_has_no_kernels(layout: Layout) -> None:
    (layout.root / "sw.x").mkdir()
    sight = replace(checks.sight_of(layout, layout.root / "sw.x"), system=())
    assert inventory.take(sight) == []
    assert inventory.take(replace(checks.sight_of(layout, layout.live), system=())) == []
