"""What the steps of a build, or of a solve, do and share: the places, the ground, and what is undone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from stacks.engine import area, build, externals, journal, sizes, symlinks, versions
from stacks.engine.build import Building
from stacks.engine.environments import Environment
from stacks.engine.errors import Failed
from stacks.engine.externals import External
from stacks.engine.grounds import Bare, Ground, Guard, Sandboxed
from stacks.engine.installers import INSTALLERS
from stacks.engine.installers.base import Site
from stacks.engine.strategies import Strategy
from stacks.engine.trees import Porter
from stacks.engine.versions import Description
from stacks.plans import sealing
from stacks.plans.base import Context
from stacks.plans.hosting import Hosting
from stacks.plans.leading import Leading

LANE = "build"
Part = Callable[[Environment, Building, Site], None]


class Work:
    """What the steps of one build share; `leading` leads the live path away and back where the strategy does so."""

    def __init__(self, building: Building, strategy: Strategy, leading: Leading | None = None) -> None:
        self._building = building
        self._strategy = strategy
        self._leading = leading
        self._inputs: Path | None = None
        self._hosting: Hosting | None = None

    def prepare(self, context: Context, kind: str = "build") -> None:
        layout, name, inputs = context.layout, self._building.name, area.new_inputs()
        journal.begin(layout, LANE, operation=context.operation, kind=kind, version=name, inputs=str(inputs))
        self._hosting = Hosting(context, self._building.recipe, in_sandbox=self._strategy == "sandbox")
        area.make_place(context.layout, context.owner)
        inputs.mkdir(mode=0o700)
        self._inputs = inputs
        # Recipes may name mirrors with their passwords: the owner reads them, as whom guests run, and nobody else.
        self._inputs.chmod(0o750)
        if os.geteuid() == 0:
            os.chown(self._inputs, -1, context.owner.gid)

    def take(self, environment: Environment, context: Context) -> None:
        """Say what the lockfile that was given holds; it is there already."""
        found = INSTALLERS[environment.installer].packages(self._building.lockfile[environment.path])
        context.note(f"{len(found)} packages, as locked." if found is not None else "As locked.")

    def do(self, part: Part, environment: Environment, context: Context) -> None:
        if self._inputs is None or self._hosting is None:
            raise AssertionError("the first step makes the inputs directory")
        guard = self._hosting.guard(environment, self._inputs)
        away = self._leading.building if self._leading else None
        site = Site(
            *(context.layout, context.owner, context.sink, context.stop, self._inputs),
            self._ground(context, self._inputs, guard),
            away or context.layout.building,
            kernel_dir=self._building.kernel_dir,
            advance=context.advance,
        )
        part(environment, self._building, site)

    def _ground(self, context: Context, inputs: Path, guard: Guard) -> Ground:
        layout, owner, fds = context.layout, context.owner, context.lock_fds
        if self._strategy == "sandbox":
            return Sandboxed(layout, owner, fds, guard)
        if self._leading is None or self._leading.building is None:
            return Bare(layout, owner, inputs, layout.building, fds, guard)
        return Bare(layout, owner, inputs, layout.live, (*fds, *self._leading.lock_fds), guard)

    def carry(self, external: External, context: Context) -> None:
        source = externals.latest(context.layout, external, self._newest(context, external))
        context.note(f"From {source}." if source else "There is none yet: an empty place is kept for it.")
        porter = Porter(context.sink, context.stop, context.lock_fds, context.advance)
        externals.carry(external, source, context.layout.building, porter)

    def _newest(self, context: Context, external: External) -> Path | None:
        having = [item for item in versions.all_sealed(context.layout).values() if external.path in item.externals]
        newest = max(having, key=lambda item: item.generation, default=None)
        return context.layout.version(newest.name) if newest else None

    def seal(self, context: Context) -> None:
        context.note("Reading every file, and sharing what earlier versions hold.")
        description = build.seal_version(context.layout, self._building, context.mask.plain)
        self._tell_of_links(context, description)
        measured = sizes.refresh(context.layout)
        size = measured[description.name]
        context.note(
            f"{size.files} files, {size.bytes / 1e6:.1f} MB, of which {size.unique_bytes / 1e6:.1f} MB are its own."
        )
        more = {"warnings": self._building.warnings, "strategy": self._strategy}
        context.outcome |= sealing.told(description, measured) | more
        self.end(context, "succeeded")

    def _tell_of_links(self, context: Context, description: Description) -> None:
        """Say which symlinks lead nowhere or out of the version: packages bring them, and most are meant."""
        tree = versions.tree(context.layout, description.name)
        found = symlinks.review(tree, context.layout.live, apart=description.externals)
        if said := symlinks.told(found.dangling, "lead nowhere"):
            context.tell("warning", said)
        if said := symlinks.told(found.outward, "lead out of the version"):
            context.note(said)

    def clear(self, context: Context) -> None:
        self._see_off()
        layout, name = context.layout, self._building.name
        if (journal.pending(layout, LANE) or {}).get("detour"):
            raise Failed("The live path could not be led back: the next operation tries again.")
        area.clear(layout)
        if versions.sealed(layout, name):
            context.note(f"“{name}” had been sealed already: it is complete and was kept.")
        elif not os.path.lexists(layout.version(name)):
            versions.forget(layout, name)
            context.note("The half-made version was removed; the package caches were kept for a retry.")
        self.end(context, "undone")

    def _see_off(self) -> None:
        if self._hosting is not None:
            self._hosting.end()

    def end(self, context: Context, outcome: str) -> None:
        self._see_off()
        if self._inputs is not None:
            shutil.rmtree(self._inputs, ignore_errors=True)
        journal.end(context.layout, LANE, outcome)
