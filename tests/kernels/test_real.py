"""Real kernels from the package index, of two implementations, in three depths: stored, staged and live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stacks.engine import launch, resident, versions
from stacks.engine.kernels import checks, inventory
from stacks.engine.kernels.checks import Depth, Verdict
from stacks.engine.kernels.inventory import Sight
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.sandbox import Sandbox
from stacks.engine.stop import Stop
from tests.engine.conftest import Runner, layout, owner, runner

__all__ = ["layout", "owner", "runner"]
RECIPE = """name = "real"
[[environments]]
path = "anaconda3"
installer = "venv"
packages = ["ipykernel", "bash_kernel"]
jupyter = true
[[environments.kernelspecs]]
name = "python3"
display_name = "Python 3"
"""
BASH = {"argv": ["python", "-m", "bash_kernel", "-f", "{connection_file}"], "display_name": "Bash", "language": "bash"}
ABSENT = {**BASH, "argv": ["python", "-m", "xonsh.jupyter_kernel", "-f", "{connection_file}"], "display_name": "Xonsh"}


def judge(sight: Sight, guest: Sandbox, depth: Depth) -> dict[str, Verdict]:
    found = inventory.take(sight)
    return {item.name: checks.check(item, sight, guest, depth, stop=Stop()) for item in found if item.environment}


@pytest.mark.network
@pytest.mark.slow
def test_three_depths_tell_the_truth_of_two_implementations(
    layout: Layout, runner: Runner, owner: Owner, tmp_path: Path
) -> None:
    for name, spec in (("bash", BASH), ("xonsh", ABSENT)):
        place = tmp_path / "specs" / name
        place.mkdir(parents=True)
        (place / "kernel.json").write_text(json.dumps(spec))
    runner.run("build", version="a", generation=1, recipe_text=RECIPE, kernel_dir=str(tmp_path / "specs"))
    runner.run("deploy", version="a")
    description = versions.need_sealed(layout, "a")
    places = {layout.version("a"): launch.staged(layout, owner, layout.version("a"))}
    places[layout.resident("a")] = launch.staged(layout, owner, layout.resident("a"))
    places[layout.live] = launch.live(layout, owner)
    for tree, guest in places.items():
        sight = checks.sight_of(layout, tree, description)
        assert {name: item.state for name, item in judge(sight, guest, "static").items()} == {
            **dict.fromkeys(("bash", "python3", "xonsh"), "ok")
        }
        inner = judge(sight, guest, "interpreter")
        assert {name: (item.state, item.code) for name, item in inner.items()} == {
            "bash": ("ok", ""),
            "python3": ("ok", ""),
            "xonsh": ("failed", "no-kernel-package"),
        }
        assert inner["python3"].reason.startswith("ipykernel ")
        started = judge(sight, guest, "launch")
        assert {name: (item.state, item.code) for name, item in started.items()} == {
            "bash": ("ok", ""),
            "python3": ("ok", ""),
            "xonsh": ("failed", "died"),
        }
        assert "No module named" in started["xonsh"].output
        assert 0 < started["python3"].seconds < 30
    assert resident.active(layout) == "a"
