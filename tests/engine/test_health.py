"""No version goes live whose required kernels do not answer at the live path."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.engine import journal, kernelspecs, launch, resident
from stacks.engine.errors import Failed
from stacks.engine.kernelspecs import Found
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.engine.conftest import Runner
from tests.wheels import Index, tiny_recipe

REAL = """name = "real"
description = "A kernel from the package index."

[[environments]]
path = "anaconda3"
installer = "venv"
packages = ["ipykernel"]
jupyter = true

[[environments.kernelspecs]]
name = "python3"
display_name = "Python 3"
"""


@pytest.fixture
def broken(index: Index) -> str:
    """A recipe whose kernelspec needs ipykernel, which it does not install."""
    return tiny_recipe(index).replace("required = false", "required = true")


def build(runner: Runner, name: str, text: str) -> None:
    runner.run("build", version=name, generation=1, recipe_text=text)


def test_a_kernel_answers_before_and_after_the_link_moves(layout: Layout, runner: Runner) -> None:
    build(runner, "a", REAL)
    outcome = runner.run("deploy", version="a")
    assert [(item["name"], item["healthy"]) for item in outcome["kernels"]] == [("python3", True)]
    assert outcome["healthy"] is True
    assert runner.text.count("python3: ready after") == 2
    assert not list(layout.resident("a").rglob("*.tmp"))


def test_a_version_whose_kernel_is_dead_does_not_go_live(
    layout: Layout, runner: Runner, index: Index, broken: str
) -> None:
    build(runner, "good", tiny_recipe(index))
    runner.run("deploy", version="good")
    build(runner, "bad", broken)
    with pytest.raises(Failed, match="required kernel “tiny” of “bad” does not answer"):
        runner.run("deploy", version="bad")
    assert resident.active(layout) == resident.backing(layout) == "good"
    assert not layout.staging("bad").exists()
    assert not layout.resident("bad").exists()
    assert "No module named ipykernel_launcher" in runner.text
    assert journal.history(layout)[-1]["outcome"] == "undone"


def test_an_override_deploys_it_and_says_that_it_is_not_healthy(layout: Layout, runner: Runner, broken: str) -> None:
    build(runner, "bad", broken)
    outcome = runner.run("deploy", version="bad", override_health=True)
    assert outcome["healthy"] is False
    assert resident.active(layout) == "bad"


SPECS = {
    "rubbish": ("not json", "no valid JSON"),
    "list": ("[]", "no “argv”"),
    "empty": ('{"argv": []}', "no “argv”"),
    "numbers": ('{"argv": [1]}', "no “argv”"),
    "deaf": ('{"argv": ["true"]}', "{connection_file}"),
    "env": ('{"argv": ["true", "{connection_file}"], "env": {"A": 1}}', "“env”"),
    "missing": ('{"argv": ["/no/such", "{connection_file}"]}', "died before replying"),
    "dies": ('{"argv": ["false", "{connection_file}"]}', "died before replying"),
    "hangs": ('{"argv": ["sh", "-c", "sleep 60", "{connection_file}"]}', "respond in"),
    "huge": (f'{{"argv": ["true", "{{connection_file}}"], "x": "{"x" * 1_100_000}"}}', "larger than"),
}


@pytest.mark.parametrize(("name", "text", "reason"), [(name, *rest) for name, rest in SPECS.items()])
def test_a_broken_kernelspec_is_named_for_what_it_is(
    layout: Layout, owner: Owner, name: str, text: str, reason: str
) -> None:
    tree = layout.root / "sw.a"
    directory = tree / "env/share/jupyter/kernels" / name
    directory.mkdir(parents=True)
    (directory / "kernel.json").write_text(text)
    [found] = kernelspecs.find(tree)
    health = launch.launch(found, launch.staged(layout, owner, tree), timeout=1.5)
    assert not health.healthy
    assert reason in health.reason


def test_a_planted_symlink_is_not_read(layout: Layout, owner: Owner, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"argv": ["x", "{connection_file}"]}')
    planted = tmp_path / "kernel.json"
    planted.symlink_to(tmp_path / "secret")
    health = launch.launch(Found("x", "env", planted), launch.staged(layout, owner, tmp_path))
    assert "cannot be read" in health.reason


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every launched kernel has ended, and its directory is gone."""
    # A place of the test's own, which kernels reach: other launches on this machine are none of its business.
    place = tempfile.mkdtemp(prefix="dlt-")
    os.chmod(place, 0o755)  # noqa: S103
    monkeypatch.setattr(tempfile, "tempdir", place)
    yield
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if os.fsencode(place) in command]
    assert os.listdir(place) == []
    os.rmdir(place)
