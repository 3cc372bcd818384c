"""A root that the stack’s owner can reach, as whom guests run bare, with something in production."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.engine import inplace, ramdisk, services
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.engine import channel as channels
from tests.engine import daemons
from tests.engine.conftest import Runner
from tests.engine.strategies.shared import asked
from tests.engine.test_script import git
from tests.wheels import Index, tiny_index


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the stack's owner can reach, as whom guests run; pytest's own is closed to others."""
    made = Path(tempfile.mkdtemp(prefix="dlstack-bare-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def layout(place: Path, owner: Owner) -> Iterator[Layout]:
    layout = Layout(place / "data0")
    ramdisk.prepare(layout, owner)
    yield layout
    shutil.rmtree(ramdisk.private_directory(layout), ignore_errors=True)


@pytest.fixture
def index(place: Path) -> Index:
    return tiny_index(place / "index")


@pytest.fixture
def channel(request: pytest.FixtureRequest, place: Path) -> Path:
    """The channel with the Python that runs the tests, where the owner can read it."""
    return Path(shutil.copytree(channels.cached(request.config), place / "channel"))


@pytest.fixture(params=["resident", "in-place"])
def production(request: pytest.FixtureRequest, layout: Layout, runner: Runner, index: Index) -> Layout:
    """A root with the version a in production, under either layout."""
    inplace.set_layout(layout, in_place=request.param == "in-place")
    runner.run("build", **asked(index, "a"))
    runner.run("deploy", version="a")
    return layout


@pytest.fixture
def notebooks(layout: Layout, place: Path) -> Iterator[services.Service]:
    """A service that runs, beside one that does not."""
    with daemons.configured(layout, place, "notebooks", "asleep"):
        service, _ = services.configured(layout)
        service.start(lambda event: None)
        yield service


@pytest.fixture
def repository(place: Path) -> Path:
    made = place / "repository"
    made.mkdir()
    git(made, "init", "--quiet", "--initial-branch=main")
    return made
