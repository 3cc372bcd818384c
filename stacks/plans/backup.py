"""The plan of a backup: what users changed in the active tree becomes a version of its own, on disk (invariant 8)."""

from __future__ import annotations

import time
import uuid
from dataclasses import asdict, replace
from pathlib import Path

from stacks import differences
from stacks.differences import Listed
from stacks.engine import (
    area,
    build,
    drift,
    externals,
    journal,
    manifest,
    packages,
    recovery,
    resident,
    room,
    seal,
    sizes,
    trees,
    versions,
)
from stacks.engine.drift import Drift
from stacks.engine.errors import Failed
from stacks.engine.layout import IDENTITY, Layout, backup_name
from stacks.engine.locks import lane_lock
from stacks.engine.manifest import Entry, Manifest
from stacks.engine.room import Need
from stacks.engine.trees import Porter, Tree
from stacks.engine.versions import Description
from stacks.plans.base import Context, Plan, Step

LANE = "build"


def plan(context: Context) -> Plan:
    """Plan a backup of the active tree; raises Refused unless that tree can be trusted."""
    layout = context.layout
    active = drift.trusted(layout)
    work = _Work(active, 1 + versions.newest_generation(layout))
    return Plan(
        "backup",
        f"Keeps what has changed in “{active.name}” since it was sealed, as a version of its own; "
        "writes nothing when nothing has.",
        (
            Step("find", "Find what has changed", "Compares the tree in the ramdisk with its manifest.", work.find),
            Step("copy", "Copy it to disk", "Shares with the version on disk what is equal.", work.copy, work.undo),
            Step("seal", "Seal the version", f"Names it {work.name_in(layout)}.", work.seal),
            Step(
                "activate", "Make it what is backed", f"Points {layout.backing} and {layout.live} at it.", work.activate
            ),
        ),
    )


class _Work:
    """What the steps of one backup share."""

    def __init__(self, active: Description, generation: int) -> None:
        self._active = active
        self._generation = generation
        self._drift: Drift | None = None
        self._content: Manifest | None = None
        self._made: Description | None = None

    def name_in(self, layout: Layout) -> str:
        return backup_name(self._active.name, [*versions.directories(layout), *versions.residents(layout)])

    def find(self, context: Context) -> None:
        found = drift.find(context.layout, self._active, full=bool(context.parameters.get("full")))
        context.note(f"“{self._active.name}”: {found}.")
        for item in found.differences[:200]:
            context.tell("output", str(item))
        packaged = self._packages(context.layout)
        for line in packaged:
            context.note(line)
        context.outcome |= {
            "changed": bool(found.differences),
            "owners": list(found.owners),
            "packages_changed": packaged,
            "drift": [item._asdict() for item in found.differences[:200]],
        }
        self._drift = found if found.differences else None

    def _packages(self, layout: Layout) -> list[str]:
        """Say which packages were added, removed and changed, by environment, name and version."""
        place = resident.place(layout, self._active.name)
        now = {path: packages.installed(place / path) for path in self._active.packages}
        found = differences.between(Listed(self._active.packages), Listed(now)).environments
        return [
            f"{group.name}: {one.name} {one.before or 'not there'} → {one.after or 'removed'}"
            for group in found
            for one in group.all
        ]

    def copy(self, context: Context) -> None:
        if self._drift is None:
            return
        layout = context.layout
        name = self.name_in(layout)
        journal.begin(layout, LANE, operation=context.operation, kind="build", version=name, previous=self._active.name)
        area.clear(layout)
        place = resident.place(layout, self._active.name)
        own = Tree(place, manifest.scan(place, apart=(IDENTITY, ".dlstack", *self._active.externals)))
        porter = Porter(context.sink, context.stop, context.lock_fds, context.advance)
        earlier = versions.tree(layout, self._active.name)
        self._check_room(layout, own, earlier, name)
        trees.clone(own, layout.building, [earlier], porter)
        trees.verify(Tree(layout.building, own.manifest), drift.EVERYTHING)
        self._content = Manifest(tuple(sorted([*own.manifest.entries, *self._carried(place, layout, porter)])))
        self._made = self._describe(layout, name, self._content)

    def _carried(self, place: Path, layout: Layout, porter: Porter) -> list[Entry]:
        """Copy the external environments as they are now, and describe the copies."""
        found: list[Entry] = []
        for external in externals.of(self._active):
            kept = place / external.path
            externals.carry(external, kept if versions.is_directory(kept) else None, layout.building, porter)
            found += manifest.part(layout.building, Path(external.path))
        return found

    def _check_room(self, layout: Layout, own: Tree, earlier: Tree, name: str) -> None:
        sealed = [entry for entry in earlier.manifest.entries if manifest.top(entry.path) in self._active.externals]
        others = Manifest(tuple(sealed))  # as large as they were
        described = Need(2 * len(earlier.manifest.data), 4)
        on_disk = room.of_copy(own.manifest, [earlier], on_disk=True) + room.of_copy(others, on_disk=True)
        build.check_room(layout, on_disk + described, f"The backup “{name}”")
        if not resident.is_in_place(layout):  # there the tree stays as it is
            in_ram = room.of_copy(own.manifest, [own]) + room.of_copy(others)
            resident.check_fits(layout, in_ram, f"The backup “{name}”")

    def _describe(self, layout: Layout, name: str, content: Manifest) -> Description:
        found = {path: packages.installed(layout.building / path) for path in self._active.packages}
        return replace(
            self._active,
            name=name,
            uuid=str(uuid.uuid4()),
            generation=self._generation,
            sealed_at=time.time(),
            manifest=content.digest,
            files=content.files,
            bytes=content.bytes,
            packages=found,
        )

    def seal(self, context: Context) -> None:
        if self._made is None or self._content is None:
            context.note("Nothing has changed: nothing was written.")
            return
        layout = context.layout
        if drift.trusted(layout) != self._active:
            raise Failed(f"“{self._active.name}” is not active any more: the backup was given up. Run it again.")
        seal.commit(layout, self._made, self._content)
        journal.end(layout, LANE, "succeeded")
        size = sizes.refresh(layout)[self._made.name]
        context.outcome |= asdict(self._made) | {
            "version": self._made.name,
            "manifest_digest": self._made.manifest,
            "unique_bytes": size.unique_bytes,
        }
        context.note(f"“{self._made.name}” is sealed; {size.unique_bytes / 1e6:.1f} MB are its own.")

    def activate(self, context: Context) -> None:
        """Make the new version active in RAM too, by hard links of the very files that users have."""
        if self._made is None or self._content is None:
            return
        layout, name = context.layout, self._made.name
        with lane_lock(layout, "live", f"the backup of {self._active.name}"):
            for sentence in recovery.recover(layout, "live"):  # else the word of a killed operation would be lost
                context.tell("warning", sentence)
            if drift.trusted(layout) != self._active:
                context.note(f"“{self._active.name}” is not active any more: the links were left alone.")
                return
            before = resident.links_now(layout)
            asked, previous = context.operation, self._active.name
            journal.begin(layout, "live", operation=asked, kind="backup", version=name, previous=previous, links=before)
            try:
                self._make_active(context, self._made, self._content)
            except BaseException:
                self._withdraw(context, name, before)
                raise
            journal.end(layout, "live", "succeeded")
        context.outcome |= {"activated": True, "previous": self._active.name, "healthy": True}
        context.note(f"{layout.backing} → {layout.version(name).name}")

    def _make_active(self, context: Context, made: Description, content: Manifest) -> None:
        layout = context.layout
        if resident.is_in_place(layout):
            versions.mark(resident.place(layout, made.name), made)
            resident.back(layout, made.name)
        else:
            self._activate_resident(context, made, content)

    def _withdraw(self, context: Context, name: str, before: dict[str, str | None]) -> None:
        """Leave what is active as it was; what was sealed stays."""
        layout = context.layout
        context.tell("warning", f"What users changed is kept as “{name}”, which could not be made active.")
        self._trust_again(layout)  # before the links: while they are on the new version a recovery completes that
        resident.undo(layout, name, before)
        resident.unstage(layout, name)
        journal.end(layout, "live", "undone")

    def _trust_again(self, layout: Layout) -> None:
        """Give what was active its identity back, where it was taken away."""
        place = resident.place(layout, self._active.name)
        if versions.identity(place) != self._active.identity:
            versions.mark(place, self._active)

    def _activate_resident(self, context: Context, made: Description, content: Manifest) -> None:
        layout = context.layout
        tree = Tree(layout.resident(self._active.name), externals.without(content, self._active.externals))
        porter = Porter(context.sink, context.stop, context.lock_fds, context.advance)
        resident.fill(layout, made, tree, [tree], porter)
        resident.admit(layout, made)
        resident.activate(layout, made.name)
        # The old tree holds the drift too; who runs from it may go on.
        resident.retire(layout, self._active.name)

    def undo(self, context: Context) -> None:
        area.clear(context.layout)
        if self._made and not versions.sealed(context.layout, self._made.name):
            versions.forget(context.layout, self._made.name)
        journal.end(context.layout, LANE, "undone")
