"""The plan of a build: make a new version in the sandbox and seal it; production is not touched."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from stacks.engine import area, build, externals, journal, recipe, sandbox, sizes, versions
from stacks.engine.build import Building
from stacks.engine.environments import Environment
from stacks.engine.errors import Refused
from stacks.engine.externals import External
from stacks.engine.grounds import Sandboxed
from stacks.engine.installers import INSTALLERS
from stacks.engine.installers.base import Site
from stacks.engine.layout import check_new_name
from stacks.engine.trees import Porter
from stacks.plans.base import Context, Plan, Step

LANE = "build"
Part = Callable[[Environment, Building, Site], None]


def plan(context: Context) -> Plan:
    """Plan a build from its parameters; raises Refused for a name that is taken, a bad recipe, or no room."""
    building = _building(context)
    layout = context.layout
    build.check_free(layout, building.name)
    sandbox.check()
    for environment in building.recipe.environments:
        INSTALLERS[environment.installer].check(environment)
    if layout.root.is_dir():
        build.check_room(layout, build.expected_bytes(layout))
    work = _Work(building)
    environments = building.recipe.environments
    others = externals.asked(environments)
    externals.check_rights(others)
    steps = [
        Step(
            "prepare",
            "Prepare the build area",
            f"Makes an empty tree below {layout.build_area}.",
            work.prepare,
            work.clear,
        ),
        *(_step("resolve", "Resolve", "Finds out exactly which packages", item, work) for item in environments),
        *(_step("install", "Install", "Downloads, installs and compiles them", item, work) for item in environments),
        *(_step("kernelspecs", "Kernelspecs of", "Writes them for the live path", item, work) for item in environments),
        *(_carry_step(item, work) for item in others),
        Step(
            "seal",
            "Seal the version",
            f"Describes every file, shares equal ones, and names it {building.name}.",
            work.seal,
            None,
        ),
    ]
    summary = f"Builds “{building.name}” from {building.recipe.name}. What users run is not touched."
    return Plan("build", summary, tuple(steps))


def _building(context: Context) -> Building:
    asked = context.parameters
    if asked.get("strategy", "sandbox") != "sandbox":
        raise Refused(f"The strategy “{asked['strategy']}” is not available: use sandbox.")
    options = list(asked.get("options", []))
    return Building(
        name=check_new_name(asked["version"]),
        generation=int(asked["generation"]),
        recipe=recipe.parse(asked["recipe_text"]).with_options(options),
        recipe_text=asked["recipe_text"],
        revision=int(asked.get("revision", 0)),
        options=options,
        kernel_dir=_kernel_dir(asked.get("kernel_dir", "")),
    )


def _kernel_dir(path: str) -> str:
    if path and not (path.startswith("/") and Path(path).is_dir()):
        raise Refused(f"The kernelspec directory {path} does not exist on this machine: give an absolute path.")
    return path


def _step(name: str, title: str, explains: str, environment: Environment, work: _Work) -> Step:
    part: Part = {"resolve": build.resolve, "install": build.install, "kernelspecs": build.add_kernelspecs}[name]
    return Step(
        f"{name}-{environment.path}",
        f"{title} {environment.path}",
        f"{explains} ({environment.installer}: {environment.asked_for}).",
        partial(work.do, part, environment),
    )


def _carry_step(external: External, work: _Work) -> Step:
    # Last of all: no guest runs any more that could take its place.
    explains = f"Copies what user {external.uid} has there now; nothing of it is changed."
    return Step(f"carry-{external.path}", f"Carry {external.path} over", explains, partial(work.carry, external))


class _Work:
    """What the steps of one build share."""

    def __init__(self, building: Building) -> None:
        self._building = building
        self._inputs: Path | None = None

    def prepare(self, context: Context) -> None:
        journal.begin(context.layout, LANE, operation=context.operation, kind="build", version=self._building.name)
        area.make_place(context.layout, context.owner)
        self._inputs = Path(tempfile.mkdtemp(prefix="dlstack-inputs-"))
        self._inputs.chmod(0o755)

    def do(self, part: Part, environment: Environment, context: Context) -> None:
        if self._inputs is None:
            raise AssertionError("the first step makes the inputs directory")
        ground = Sandboxed(context.layout, context.owner, context.lock_fds)
        site = Site(
            *(context.layout, context.owner, context.sink, context.stop, self._inputs, ground, context.layout.building),
            kernel_dir=self._building.kernel_dir,
            advance=context.advance,
        )
        part(environment, self._building, site)

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
        description = build.seal_version(context.layout, self._building)
        measured = sizes.refresh(context.layout)
        size = measured[description.name]
        context.note(
            f"{size.files} files, {size.bytes / 1e6:.1f} MB, of which {size.unique_bytes / 1e6:.1f} MB are its own."
        )
        context.outcome |= asdict(description) | {
            "version": description.name,
            "manifest_digest": description.manifest,
            "bytes": size.bytes,
            "unique_bytes": size.unique_bytes,
            "unique": {name: item.unique_bytes for name, item in measured.items()},
            "warnings": self._building.warnings,
        }
        self._end(context, "succeeded")

    def clear(self, context: Context) -> None:
        layout, name = context.layout, self._building.name
        area.clear(layout)
        if versions.sealed(layout, name):
            context.note(f"“{name}” had been sealed already: it is complete and was kept.")
        else:
            versions.forget(layout, name)
            context.note("The half-made version was removed; the package caches were kept for a retry.")
        self._end(context, "undone")

    def _end(self, context: Context, outcome: str) -> None:
        if self._inputs is not None:
            shutil.rmtree(self._inputs, ignore_errors=True)
        journal.end(context.layout, LANE, outcome)
