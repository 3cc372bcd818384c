"""The plans that install a kernelspec into the live version, or remove one: a new version, in seconds, revertable."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from stacks.engine import build, externals, journal, resident, room, sizes, versions
from stacks.engine.errors import Refused
from stacks.engine.kernels import checks, sources, variant
from stacks.engine.kernels.inventory import Sight
from stacks.engine.kernels.spec import check_name
from stacks.engine.kernels.variant import Change
from stacks.engine.layout import Layout, check_new_name
from stacks.engine.manifest import Manifest
from stacks.engine.room import Need
from stacks.engine.trees import Porter, Tree
from stacks.engine.versions import Description
from stacks.plans import deploy
from stacks.plans.base import Context, Plan, Step

LANE = deploy.LANE


def install(context: Context) -> Plan:
    """Plan to install a kernelspec into the live version, from the library or by publishing an environment.

    Parameters are `version` (the new one's name), `kernel`, and `display_name`, `language` and `environment` where that
    environment is published. Raises Refused when it would not start, or when there is no version to start from.
    """
    asked = context.parameters
    active, sight = _active(context)
    kernel = check_name(asked["kernel"])
    if asked.get("display_name"):
        source = sources.from_environment(
            sight, str(asked.get("environment", "")), asked["display_name"], asked.get("language") or "python"
        )
        origin = f"publishes {asked['environment']}"
    else:
        source = sources.from_library(sight, kernel)
        origin = f"from {sight.library}"
    told = {name: str(source.spec.get(name, "")) for name in ("display_name", "language")}
    listed = {"name": kernel, **told, "environment": sight.jupyter, "required": _is_required(active, kernel, sight)}
    change = Change(sight.jupyter, kernel, source.files, listed)
    summary = f"Adds the kernelspec “{kernel}” to what users run ({origin})."
    return _plan(context, "kernel-install", active, change, summary, started={kernel})


def remove(context: Context) -> Plan:
    """Plan to remove a kernelspec from the live version; raises Refused when it is not there or is required.

    Parameters are `version` (the new one's name) and `kernel`.
    """
    active, sight = _active(context)
    kernel = check_name(context.parameters["kernel"])
    change = Change(sight.jupyter, kernel)
    if not (sight.place.tree / change.directory).is_dir():
        raise Refused(f"There is no kernelspec “{kernel}” in {sight.jupyter} of “{active.name}”: nothing to remove.")
    if _is_required(active, kernel, sight):
        raise Refused(
            f"“{kernel}” is required by the recipe of “{active.name}”: change the recipe and build a version."
        )
    summary = f"Takes the kernelspec “{kernel}” away from what users run; running kernels go on."
    return _plan(context, "kernel-remove", active, change, summary, started=())


def _active(context: Context) -> tuple[Description, Sight]:
    layout = context.layout
    if resident.is_in_place(layout):
        raise Refused(
            f"{layout.root} has layout in-place, where a change means an outage: "
            "convert it to resident, or build a version with the kernelspec."
        )
    name = resident.active(layout)
    if name is None:
        raise Refused("Nothing is active: deploy a version first.")
    description = versions.need_sealed(layout, name)
    return description, checks.sight_of(layout, layout.version(name), description)


def _is_required(active: Description, kernel: str, sight: Sight) -> bool:
    wanted = (sight.jupyter, kernel)
    required = (spec for spec in active.kernelspecs if spec.get("required"))
    return any((spec.get("environment"), spec.get("name")) == wanted for spec in required)


def _plan(
    context: Context, kind: str, active: Description, change: Change, summary: str, *, started: Collection[str]
) -> Plan:
    layout, name = context.layout, check_new_name(context.parameters["version"])
    build.check_free(layout, name)
    _refuse_if_building(context, name)
    _check_room(layout, active, name)
    externals.check_rights(externals.of(active))
    generation = int(context.parameters.get("generation", 1 + versions.newest_generation(layout)))
    described = variant.describe(active, name, generation, variant.new_identifier(), change)
    work = _Work(kind, active, described, change)
    shares = f"Shares every file with {layout.version(active.name)}; {change.directory} is the one place that differs."
    steps = (
        Step("copy", f"Link “{active.name}”", shares, work.copy, work.undo),
        Step("seal", "Seal the version", f"Names it {name}.", work.seal),
        *deploy.steps(context, described, kind, kernels=started),
    )
    whole = f"{summary} Makes “{name}” of “{active.name}”; what was changed by hand in the ramdisk stays behind."
    return Plan(kind, whole, steps)


def _check_room(layout: Layout, active: Description, name: str) -> None:
    stored = versions.tree(layout, active.name)
    # Its manifest is as large as that of the version that it is made of.
    need = room.of_copy(stored.manifest, [stored], apart=active.externals, on_disk=True) + Need(
        2 * len(stored.manifest.data), 4
    )
    build.check_room(layout, need, f"“{name}”")
    resident.check_is_ramdisk(layout)
    resident.check_fits(layout, room.of_copy(stored.manifest, [stored], apart=active.externals), f"“{name}”")


def _refuse_if_building(context: Context, name: str) -> None:
    pending = journal.pending(context.layout, "build") or {}
    if pending.get("version") == name:
        raise Refused(f"A build makes a version “{name}” now: choose another name.")


class _Work:
    """What the steps of one change share, before and after the deploy."""

    def __init__(self, kind: str, active: Description, described: Description, change: Change) -> None:
        self._kind = kind
        self._active = active
        self._described = described
        self._change = change
        self._content: Manifest | None = None
        self._stored: Tree | None = None  # kept, so that the deploy need not read its manifest again

    def copy(self, context: Context) -> None:
        layout, name = context.layout, self._described.name
        if resident.active(layout) != self._active.name:
            raise Refused(f"“{self._active.name}” is not active any more: look at what is, then ask again.")
        build.check_free(layout, name)
        journal.begin(
            layout,
            LANE,
            operation=context.operation,
            kind=self._kind,
            version=name,
            previous=self._active.name,
            uuid=self._described.uuid,
        )
        porter = Porter(context.sink, context.stop, context.lock_fds, context.advance)
        self._stored = versions.tree(layout, self._active.name)
        self._content = variant.make(layout, self._active, self._stored, name, self._change, porter=porter)

    def seal(self, context: Context) -> None:
        if self._content is None:
            raise AssertionError("the first step makes the tree")
        made = variant.commit(context.layout, self._described, self._content)
        measured = sizes.refresh(context.layout)
        size = measured[made.name]
        context.outcome |= asdict(made) | {
            "manifest_digest": made.manifest,
            "kernel": self._change.kernel,
            "bytes": size.bytes,
            "unique_bytes": size.unique_bytes,
            "unique": {name: item.unique_bytes for name, item in measured.items()},
        }
        context.note(f"“{made.name}” is sealed; {size.unique_bytes / 1e6:.1f} MB are its own.")

    def undo(self, context: Context) -> None:
        variant.withdraw(context.layout, self._described.name, self._described.uuid)
        journal.end(context.layout, LANE, "undone")
