"""Two roots on this host and an sshd between them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks.engine import ramdisk, reserve
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.copying.receiving import Receiver
from tests.copying.sshd import Server, serving
from tests.engine.conftest import RESERVE, layout, owner, place, version
from tests.stacks.conftest import machine

__all__ = ["layout", "machine", "owner", "place", "version"]


@pytest.fixture
def roots(tmp_path: Path, owner: Owner) -> Iterator[Callable[[str], Layout]]:
    made: list[Layout] = []

    def make(name: str) -> Layout:
        layout = Layout(tmp_path / name / "data0")
        layout.root.parent.mkdir()
        ramdisk.prepare(layout, owner)
        reserve.keep(layout.state, RESERVE)
        made.append(layout)
        return layout

    yield make
    for one in made:
        shutil.rmtree(ramdisk.private_directory(one), ignore_errors=True)


@pytest.fixture
def source(roots: Callable[[str], Layout]) -> Layout:
    return roots("gp02")


@pytest.fixture
def server(tmp_path: Path, source: Layout) -> Iterator[Server]:
    with serving(tmp_path / "ssh", source.root) as made:
        yield made


@pytest.fixture
def receiver(roots: Callable[[str], Layout], owner: Owner, source: Layout, server: Server) -> Receiver:
    return Receiver(roots("gp12"), owner, source=source, server=server)
