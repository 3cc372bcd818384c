"""Work on a disk whose power is cut at every step, and what is there after the boot that follows."""

from __future__ import annotations

import os
import random
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stacks.engine import drift, durable, journal, links, ramdisk, recovery, resident, trees, versions
from stacks.engine.errors import VerifyFailed
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from stacks.engine.trees import Tree
from tests.engine.conftest import Runner, make_version
from tests.faults.kills.failpoints import Points
from tests.faults.power import disk
from tests.faults.power.disk import Kind

# What the power is cut in: each by itself, and what was reported as done before must be there.
WORK = ("seal c", "deploy c", "revert a", "backup")


@dataclass(frozen=True)
class Shown:
    """What an admin was told: where the links lead, and which versions are sealed."""

    live: str | None
    backing: str | None
    sealed: frozenset[str]


@dataclass
class Cut:
    """The disk as it was at one point of a piece of work, which begins with `before` and ends with `after`."""

    image: Path
    point: str
    before: Shown
    after: Shown | None = None


@dataclass
class Drill:
    """One filesystem, cut at every point of all the work; `commits` is how often its journal is
    written in between, as it is by itself every few seconds: names, and not what is in files."""

    kind: Kind
    place: Path
    chance: random.Random
    commits: float = 0.02
    cuts: list[Cut] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        return Layout(self.place / "disk/data0")

    @property
    def image(self) -> Path:
        return self.place / "image"

    def run(self, mutant: str = "") -> None:
        """Do all the work, keeping the disk at each point; a `mutant` leaves out one of the ways to make it durable."""
        disk.make(self.kind, self.image)
        with disk.mounted(self.kind, self.image, self.layout.root):
            self._prepare()
            with _without(mutant):
                for name in WORK:
                    self._work(name)

    def _prepare(self) -> None:
        ramdisk.prepare(self.layout, resolve())
        for name in "ab":
            make_version(self.layout, name, files(name), mtime=1e9)
            Runner(self.layout, resolve()).run("deploy", version=name)
        durable.sync_filesystem(self.layout.root)

    def _work(self, name: str) -> None:
        verb, _, version = name.partition(" ")
        before, first = shown(self.layout), len(self.cuts)

        def heard(point: str) -> None:
            if self.chance.random() < self.commits:
                durable.sync_directory(self.layout.root)
            self.cuts.append(Cut(self.place / f"cut-{len(self.cuts)}", f"{name}: {point}", before))
            disk.cut(self.image, self.cuts[-1].image)

        points = Points(heard)
        points.watch()
        try:
            if verb == "seal":
                make_version(self.layout, version, files(version), mtime=1e9)
            else:
                if verb == "backup":
                    (self.layout.live / "env/lib/0").write_text("changed by a user")
                Runner(self.layout, resolve()).run(verb, **({"version": version} if version else {}))
        finally:
            sys.setprofile(None)
        heard("reported")
        for cut in self.cuts[first:]:
            cut.after = shown(self.layout)
        self.cuts[-1].before = shown(self.layout)

    def broken(self, most: int) -> Iterator[str]:
        """Boot from each of the cuts, or so many of them, by chance; say what is lost, mixed or empty."""
        self.cuts = self.chance.sample(self.cuts, min(most, len(self.cuts)))
        for cut in self.cuts:
            try:
                with disk.mounted(self.kind, cut.image, self.layout.root):
                    yield from (f"{cut.point}: {told}" for told in judged(self.layout, cut))
            except Exception:
                yield f"{cut.point}: {traceback.format_exc()}"
            cut.image.unlink()


def files(name: str) -> dict[str, str]:
    return {f"env/lib/{number}": f"{name}{number}" * 2000 for number in range(4)} | {"env/lib/same": "same" * 2000}


def shown(layout: Layout) -> Shown:
    """Look at what is reported as so."""
    sealed = frozenset(versions.all_sealed(layout))
    return Shown(links.target(layout.live), links.target(layout.backing), sealed)


@contextmanager
def _without(mutant: str) -> Iterator[None]:
    """Leave out one of the ways to make things durable, if one is named."""
    kept = getattr(durable, mutant, None)
    if mutant:
        setattr(durable, mutant, lambda path: None)
    yield
    if mutant:
        setattr(durable, mutant, kept)


def judged(layout: Layout, cut: Cut) -> Iterator[str]:
    """Say what is neither old nor new, lost or torn on a disk after the power came back, and after the boot."""
    found, after = shown(layout), cut.after or cut.before
    if found.live not in (cut.before.live, after.live):
        yield f"the live path says {found.live}"
    if found.backing not in (cut.before.backing, after.backing):
        yield f"the backing link says {found.backing}"
    if lost := cut.before.sealed - found.sealed:
        yield f"lost: {sorted(lost)}"
    for name in sorted(found.sealed):
        yield from _torn(versions.tree(layout, name))
    yield from _booted(layout)


def _torn(tree: Tree) -> Iterator[str]:
    try:
        trees.verify(tree, drift.EVERYTHING)
    except VerifyFailed as failure:
        yield str(failure)


def _booted(layout: Layout) -> Iterator[str]:
    """Do what the units do at boot: serve from disk first, then from the ramdisk; say what is wrong then."""
    name = resident.backing(layout)
    if name is None:
        yield "the backing link names no version"
        return
    runner = Runner(layout, resolve())
    for lane in ("live", "build"):
        recovery.recover(layout, lane)
    for asked in ({"serve_only": True}, {}):
        runner.run("restore", **asked)
        yield from _torn(Tree(Path(os.path.realpath(layout.live)), versions.tree(layout, name).manifest))
    if resident.active(layout) != name or journal.pending(layout, "live"):
        yield f"active is {resident.active(layout)}, pending: {journal.pending(layout, 'live')}"
