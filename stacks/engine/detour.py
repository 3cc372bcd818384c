"""Leading the live path to the tree under construction for a while, and back: the manual's two ways (design §7).

Whoever does so holds the live lane's lock from the journal's word of it until that word is taken back. So whoever finds
the lock free and the word still there knows that the build was killed, and mends what it left.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from stacks.engine import journal, links, memory, mounts, resident, room, services, trees, versions
from stacks.engine.errors import Refused
from stacks.engine.events import Event, Sink
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.engine.owner import Owner
from stacks.engine.room import Need
from stacks.engine.services import Service
from stacks.engine.stop import Stop
from stacks.engine.strategies import Detouring

PATIENCE = 10.0  # seconds; a look at the lock holds it for a moment


@dataclass(frozen=True)
class Detour:
    """What leads back: what the live path said `before`, None for nothing there, and the services that ran."""

    strategy: Detouring
    before: str | None
    paused: tuple[str, ...]


def tree(layout: Layout, strategy: Detouring) -> Path:
    """Where the tree under construction lies while the live path leads to it."""
    return _in_ramdisk(layout) / "sw" if strategy == "in-production" else layout.building


def _in_ramdisk(layout: Layout) -> Path:
    # Not below the ramdisk's .dlstack, which is closed to the owner, as whom guests run.
    return layout.ramdisk / ".dlstack-build"


def _wanted(layout: Layout, strategy: Detouring) -> str:
    return os.path.relpath(tree(layout, strategy), layout.root)


def check(layout: Layout, strategy: Detouring, need: Need) -> None:
    """Raise Refused unless the live path can be led to the tree and back; `need` is what it is expected to take."""
    before = links.target(layout.live)
    if pending(layout) is not None:
        raise Refused(f"{layout.live} leads to the tree of another build: wait until that has ended, or cancel it.")
    if before in {_wanted(layout, one) for one in get_args(Detouring)}:
        raise Refused(f"{layout.live} leads to a tree under construction that nobody builds: deploy a version first.")
    for place in (layout.state, layout.build_area, layout.cache):
        if os.path.lexists(place) and not versions.is_directory(place):
            raise Refused(f"{place} is not a directory of DLStack's own: move it away. Nothing was changed.")
    services.configured(layout)
    if strategy == "in-production":
        _check_ramdisk(layout, need)


def _check_ramdisk(layout: Layout, need: Need) -> None:
    if not mounts.is_tmpfs(layout.ramdisk):
        raise Refused(f"{layout.ramdisk} is not a tmpfs: mount it, or choose another strategy. Nothing was changed.")
    for place in (layout.ramdisk / ".dlstack", _in_ramdisk(layout)):
        if os.path.lexists(place) and not versions.is_directory(place):
            raise Refused(f"{place} is not a directory of DLStack's own: move it away. Nothing was changed.")
    room.check(
        need,
        mounts.room(layout.ramdisk),
        what="A build in the ramdisk",
        where="it",
        more_bytes="choose the strategy repoint, or enlarge the tmpfs",
        more_inodes="choose the strategy repoint, or remount the tmpfs with a larger nr_inodes",
    )
    memory.check(need, "The build")


@contextmanager
def hold(layout: Layout, holder: str, stop: Stop) -> Iterator[int]:
    """Hold the live lane's lock, as `lane_lock` does, after waiting a moment for whoever has it."""
    with ExitStack() as held:
        yield _taken(held, layout, holder, stop)


def _taken(held: ExitStack, layout: Layout, holder: str, stop: Stop) -> int:
    give_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            return held.enter_context(lane_lock(layout, "live", holder))
        except Refused:
            if time.monotonic() > give_up_at:
                raise
        stop.check()
        time.sleep(0.2)


def services_of(layout: Layout) -> list[str]:
    """Name the services that are paused if they run."""
    return [service.name for service in services.configured(layout)]


def survey(layout: Layout, strategy: Detouring) -> Detour:
    """Note what leads back, before anything is changed."""
    running = services.running(services.configured(layout))
    return Detour(strategy, links.target(layout.live), tuple(service.name for service in running))


def lead_away(layout: Layout, detour: Detour, owner: Owner) -> None:
    """Point the live path at the tree under construction, which is made in the ramdisk where it belongs there."""
    if detour.strategy == "in-production":
        discard(layout)
        for place, mode in ((_in_ramdisk(layout), 0o700), (tree(layout, detour.strategy), 0o755)):
            place.mkdir(mode=mode)
            if os.geteuid() == 0:
                os.lchown(place, owner.uid, owner.gid)
    place = tree(layout, detour.strategy)
    if not versions.is_directory(place):
        raise Refused(f"{place} is not a directory: something replaced it. The live path was left alone.")
    links.switch(layout.live, _wanted(layout, detour.strategy), tree=place)


def lead_back(layout: Layout, detour: Detour) -> bool:
    """Make the live path say what it said before; one that somebody has set to something else is left alone.

    Gives back whether it was still, or is again, what the build set and left.
    """
    found = os.readlink(layout.live) if layout.live.is_symlink() else None
    if found == _wanted(layout, detour.strategy):
        links.put_back(layout.live, detour.before)
        return True
    return found == detour.before and (found is not None or not os.path.lexists(layout.live))


def resume(layout: Layout, detour: Detour, sink: Sink) -> list[str]:
    """Start again what ran before, and nothing else; gives back the names of those that did not start."""
    known = {service.name: service for service in services.configured(layout)}
    ran: Sequence[Service] = [known[name] for name in detour.paused if name in known]
    return services.resume(ran, sink) + [name for name in detour.paused if name not in known]


def discard(layout: Layout) -> None:
    """Remove the tree under construction from the ramdisk, if there is one; the live lane's lock is held."""
    place = _in_ramdisk(layout)
    if versions.is_directory(place):
        (layout.ramdisk / ".dlstack").mkdir(mode=0o700, exist_ok=True)
        trees.discard(place, resident.trash(layout))


def mend(layout: Layout) -> list[str]:
    """Lead the live path back that a killed build left, and start what it had paused; what was done, in sentences.

    The caller holds the live lane's lock.
    """
    detour = pending(layout)
    if detour is None:
        return []
    back = "says again what it said before" if lead_back(layout, detour) else "had been set to something else: it stays"
    said = [f"A build with the strategy {detour.strategy} was killed. The live path {back}."]
    said += _started(layout, detour)
    links.sweep(layout.root)
    if mounts.is_tmpfs(layout.ramdisk):
        discard(layout)
    journal.amend(layout, "build", detour=None)
    return said


def _started(layout: Layout, detour: Detour) -> list[str]:
    if not journal.is_of_this_boot(journal.pending(layout, "build") or {}):
        return []
    try:
        failed = resume(layout, detour, _unheard)
    except Refused as error:  # the live path matters more than a file that cannot be read
        return [f"The services that were paused, {', '.join(detour.paused)}, must be started by hand: {error}"]
    return [f"Not started again: {', '.join(failed)}. Start them by hand."] if failed else []


def pending(layout: Layout) -> Detour | None:
    """Read from the journal where the live path must be led back to, None when no build has led it away."""
    found: dict[str, Any] | None = (journal.pending(layout, "build") or {}).get("detour")
    return Detour(found["strategy"], found["before"], tuple(found["paused"])) if found else None


def plain(detour: Detour) -> dict[str, Any]:
    """Spell a detour for the journal."""
    return asdict(detour)


def _unheard(event: Event) -> None:
    pass
