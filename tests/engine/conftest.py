"""A root on a real filesystem with a ramdisk in real shared memory, and versions made in milliseconds."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stacks.engine import manifest, ramdisk, reserve, seal, sources, versions
from stacks.engine.events import Event
from stacks.engine.gate import Gate
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.engine.owner import Owner, resolve
from stacks.engine.provision import Host
from stacks.engine.sources import Sources
from stacks.engine.stop import Stop
from stacks.engine.terms import Terms
from stacks.engine.trees import Porter
from stacks.engine.versions import Description
from stacks.plans import LANES, Context, Plan, execute, plan_for
from tests.wheels import Index, tiny_index

Make = Callable[..., Description]
RESERVE = 64 * 1024  # bytes: many roots are kept for a while after their tests


@pytest.fixture
def owner() -> Owner:
    return resolve()


@pytest.fixture
def layout(tmp_path: Path, owner: Owner) -> Iterator[Layout]:
    layout = Layout(tmp_path / "data0")
    ramdisk.prepare(layout, owner)
    reserve.keep(layout.state, RESERVE)
    yield layout
    private = ramdisk.private_directory(layout)
    if private.is_dir():
        shutil.rmtree(private)


@pytest.fixture
def porter() -> Porter:
    return Porter(lambda event: None, Stop())


@pytest.fixture
def version(layout: Layout) -> Make:
    """Seal a version with the given files (path: content) without an installer."""

    return partial(make_version, layout)


def make_version(
    layout: Layout,
    name: str,
    files: dict[str, str],
    *,
    mtime: float | None = None,
    external: str = "",
    programs: Sequence[str] = (),
) -> Description:
    """Seal a version; the top directory `external` belongs to user and group 899, and `programs` can be run."""
    write_tree(layout.building, files, mtime)
    for program in programs:
        (layout.building / program).chmod(0o755)
    for path in [layout.building / external, *(layout.building / external).rglob("*")] if external else []:
        os.lchown(path, 899, 899)
    return seal_building(layout, name, external=external)


def seal_building(layout: Layout, name: str, *, external: str = "") -> Description:
    """Seal what lies in the build area as a version, as it is."""
    content = seal.scan(layout)
    earlier = [versions.tree(layout, one) for one in versions.all_sealed(layout)]
    content = seal.share(layout.building, content, earlier, apart={external})
    number = len(earlier) + 1
    description = Description(
        name, str(uuid.uuid4()), number, time.time(), content.digest, content.files, content.bytes,
        externals={external: (899, 899)} if external else {},
    )  # fmt: skip
    seal.commit(layout, description, content)
    return description


def write_tree(place: Path, files: dict[str, str], mtime: float | None = None) -> None:
    """Make a directory with files, all of one mtime if given."""
    place.mkdir()
    for path, content in files.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        if mtime is not None:
            os.utime(file, (mtime, mtime))


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a directory with an /etc of its own, in which a machine can be made up."""
    from tests.engine.machines import machine_place

    with machine_place() as made:
        yield made


@pytest.fixture(params=[False, True], ids=["fstab", "systemd"])
def new_machine(request: pytest.FixtureRequest, place: Path) -> Host:
    """Give a machine that nothing was done to yet, without and with systemd."""
    from tests.engine.machines import host

    return host(place, systemd=request.param)


@dataclass
class Runner:
    """Carries out plans as a worker does: under the lane's lock, with every event and step kept."""

    layout: Layout
    owner: Owner
    events: list[Event] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    terms: Terms = field(default_factory=lambda: Terms(sources=Sources(directories=(Path("/"),))))

    def step_started(self, name: str) -> None:
        self.steps.append((name, "running"))

    def step_finished(self, name: str, state: str) -> None:
        self.steps.append((name, state))

    def context(self, parameters: dict[str, Any], fd: int | None = None) -> Context:
        fds = () if fd is None else (fd,)
        return Context(
            self.layout,
            self.owner,
            "op",
            parameters,
            self.events.append,
            lambda _: None,
            self.stop,
            lock_fds=fds,
            terms=self.terms,
        )

    def plan(self, kind: str, **parameters: Any) -> Plan:
        return plan_for(kind, self.context(parameters))

    def run(self, kind: str, **parameters: Any) -> dict[str, Any]:
        with lane_lock(self.layout, LANES[kind], "the test") as fd:
            context = self.context(parameters, fd)
            execute(plan_for(kind, context), context, self)
            return context.outcome

    @property
    def text(self) -> str:
        return "\n".join(event.text for event in self.events)


@pytest.fixture
def runner(layout: Layout, owner: Owner) -> Runner:
    return Runner(layout, owner)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Give a gate that lets guests reach what these tests serve on the loopback."""
    with Gate(sources.read("127.0.0.1"), lambda text: None) as opened:
        yield opened


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return tiny_index(tmp_path / "index")


def same(first: Path, second: Path) -> None:
    """Assert that two trees hold the same, by content, mode, owner and mtime."""
    one, two = set(manifest.scan(first).entries), set(manifest.scan(second).entries)
    assert one ^ two == set()
