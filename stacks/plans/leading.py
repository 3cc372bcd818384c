"""The steps by which a build leads the live path to its tree and back, with services paused meanwhile (design §7)."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from stacks.engine import area, detour, drift, journal, manifest, recovery, services, trees, versions
from stacks.engine.build import Building
from stacks.engine.detour import Detour
from stacks.engine.errors import Failed
from stacks.engine.layout import Layout
from stacks.engine.room import Need
from stacks.engine.strategies import Detouring
from stacks.engine.trees import Porter, Tree
from stacks.plans.base import Context, Step


class Leading:
    """Leads the live path away and back, under the live lane's lock; `need` is what the tree is expected to take."""

    def __init__(self, building: Building, strategy: Detouring, need: Need) -> None:
        self._name = building.name
        self._generation = building.generation
        self._strategy = strategy
        self._need = need
        self._held = ExitStack()
        self._is_back = False
        self._detour: Detour | None = None
        self.lock_fds: tuple[int, ...] = ()
        self.building: Path | None = None  # the tree under construction, while the live path leads to it

    def steps_away(self, layout: Layout) -> tuple[Step, ...]:
        """Give the steps that pause services and lead the live path to the tree."""
        names = ", ".join(detour.services_of(layout))
        pausing = f"Stops {names}; waits until they are down. Deploys and reverts wait until the live path is back."
        none = "No service is configured: nothing is paused, stop yourself what runs from the live path."
        where = detour.tree(layout, self._strategy)
        lead = f"{layout.live} → {where}. Users find the tree under construction there until it is led back."
        return (
            Step("pause", "Pause services", pausing if names else none, self.pause, self.back),
            Step("lead-away", "Point the live path at the build", lead, self.lead_away),
        )

    def steps_back(self, layout: Layout) -> tuple[Step, ...]:
        """Give the steps that lead the live path back, and bring the tree to the build area where it is not there."""
        back = "It says again exactly what it said before."
        copy = f"Copies the tree from the ramdisk to {layout.building}, and reads every file of the copy."
        copied = Step("copy-out", "Copy the tree out of the ramdisk", copy, self.copy_out)
        free = Step("let-go", "Let the live lane go", "Deploys and reverts can run again.", self.back)
        return (
            Step("lead-back", "Lead the live path back", f"{back} What ran before is started again.", self.lead_back),
            *((copied,) if self._strategy == "in-production" else ()),
            free,
        )

    def pause(self, context: Context) -> None:
        layout = context.layout
        holder = f"the build of “{self._name}”, which leads the live path (to deploy or revert now, cancel the build)"
        self.lock_fds = (self._held.enter_context(detour.hold(layout, holder, context.stop)),)
        for sentence in recovery.recover(layout, "live"):
            context.tell("warning", sentence)
        detour.check(layout, self._strategy, self._need)
        self._detour = detour.survey(layout, self._strategy)
        journal.amend(layout, "build", detour=detour.plain(self._detour))
        listed = {service.name: service for service in services.configured(layout)}
        running, fds = [listed[name] for name in self._detour.paused], (*context.lock_fds, *self.lock_fds)
        services.pause(running, context.sink, lock_fds=fds)

    def lead_away(self, context: Context) -> None:
        detour.lead_away(context.layout, self._known(), context.owner)
        self.building = detour.tree(context.layout, self._strategy)
        context.tell("warning", f"{context.layout.live} leads to the tree under construction now.")

    def lead_back(self, context: Context) -> None:
        """Lead the live path back and start what ran; what does not start is told, and no reason to lose the build."""
        self.building = None
        if self._is_back:
            return
        if not detour.lead_back(context.layout, self._known()):
            context.tell("warning", f"{context.layout.live} had been set to something else meanwhile: it stays so.")
        failed = detour.resume(context.layout, self._known(), context.sink)
        context.outcome |= {"not_started": failed} if failed else {}
        if failed:
            context.tell("error", f"{', '.join(failed)} did not start again: start it by hand and look at its log.")
        self._is_back = True

    def copy_out(self, context: Context) -> None:
        layout = context.layout
        place = detour.tree(layout, self._strategy)
        if not versions.is_directory(place):
            raise Failed(f"{place} is no directory any more: the build replaced it. Nothing was sealed.")
        area.clear(layout)
        source = Tree(place, manifest.scan(place))
        fds = (*context.lock_fds, *self.lock_fds)
        trees.clone(source, layout.building, [], Porter(context.sink, context.stop, fds, context.advance))
        trees.verify(Tree(layout.building, source.manifest), drift.EVERYTHING)

    def back(self, context: Context) -> None:
        """End the detour wherever it was; the journal keeps its word of it when the live path cannot be led back."""
        try:
            if self._detour is not None:
                self.lead_back(context)
                detour.discard(context.layout)
                journal.amend(context.layout, "build", detour=None)
                self._detour = None
        finally:
            self._held.close()
            self.lock_fds = ()

    def _known(self) -> Detour:
        if self._detour is None:
            raise AssertionError("the first step surveys")
        return self._detour
