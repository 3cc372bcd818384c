"""Finding out what a killed operation left, and bringing it to the old state or the new one (invariant 7)."""

from __future__ import annotations

import os
from typing import Any

from stacks.engine import (
    area,
    copying,
    detour,
    durable,
    inplace,
    journal,
    leftovers,
    links,
    mounts,
    renewal,
    resident,
    services,
    trees,
    versions,
)
from stacks.engine.errors import Refused
from stacks.engine.events import Event
from stacks.engine.kernels import variant
from stacks.engine.layout import IDENTITY, Layout
from stacks.engine.stop import Stop
from stacks.engine.trees import Porter


def recover(layout: Layout, lane: str) -> list[str]:
    """Complete or undo what the lane's last operation left, and tidy up; give back what was done, in sentences.

    The caller holds the lane's lock, so that nobody works there.
    """
    if not layout.state.is_dir():
        return []
    journal.sweep(layout, lane)
    if lane == "live":
        intent = journal.pending(layout, lane)
        is_known = intent is None or str(intent.get("kind")) in _RECOVERIES
        said = [*detour.mend(layout), *_finish(layout, lane)]
        if is_known:
            leftovers.sweep_live(layout)
            said += [*trees.empty(resident.trash(layout)), *trees.empty(variant.trash(layout))]
    else:
        said = [*_mend(layout), *_finish(layout, lane), *_mend_backup(layout)]
        said += [*trees.empty(layout.trash), *copying.sweep(layout)]
    leftovers.sweep_shared(layout, held=lane)
    return said


def _mend(layout: Layout) -> list[str]:
    """Lead the live path back under its own lane's lock; raises Refused while an operation there has it."""
    if detour.pending(layout) is None:
        return []
    with detour.hold(layout, "the recovery of a build", Stop()):
        return detour.mend(layout)


def _mend_backup(layout: Layout) -> list[str]:
    """Finish what a backup, which runs in the build lane, left half active; skipped while an operation holds the links.

    Such an operation has finished it already, when it began.
    """
    if (journal.pending(layout, "live") or {}).get("kind") != "backup":
        return []
    try:
        with detour.hold(layout, "the recovery of a backup", Stop()):
            return recover(layout, "live")
    except Refused:
        return []


def _finish(layout: Layout, lane: str) -> list[str]:
    intent = journal.pending(layout, lane)
    if intent is None:
        return []
    work = _RECOVERIES.get(str(intent.get("kind")), _recover_unknown)
    outcome = work(layout, intent)
    journal.end(layout, lane, "succeeded" if intent.get("done") else f"recovered: {outcome}")
    return [outcome]


def _recover_unknown(layout: Layout, intent: dict[str, Any]) -> str:
    return f"This DLStack does not know the operation “{intent.get('kind')}”, which was killed: look at what it left."


def _recover_build(layout: Layout, intent: dict[str, Any]) -> str:
    name = str(intent["version"])
    _clear(layout, intent)
    if versions.sealed(layout, name):
        return f"The version “{name}” had been sealed before the end: it is complete."
    if not os.path.lexists(layout.version(name)):
        versions.forget(layout, name)
    return f"The half-made version “{name}” was removed; the package caches were kept."


def _clear(layout: Layout, intent: dict[str, Any]) -> None:
    area.clear(layout)
    area.remove_inputs(str(intent.get("inputs", "")))


def _recover_solve(layout: Layout, intent: dict[str, Any]) -> str:
    _clear(layout, intent)
    return "Nothing is left of what was to be found out."


def _recover_copy(layout: Layout, intent: dict[str, Any]) -> str:
    name = str(intent["version"])
    made = versions.sealed(layout, name)
    if made and made.uuid == intent.get("uuid"):
        copying.half(layout, made.uuid).discard()
        return f"The copy “{name}” had been sealed before the end: it is complete."
    if not os.path.lexists(layout.version(name)):
        versions.forget(layout, name)
    durable.sweep(copying.half(layout, str(intent.get("uuid"))).tree / IDENTITY)
    return f"The copy “{name}” was not whole; what had come is kept: copy it again, and only the rest is fetched."


def _recover_live(layout: Layout, intent: dict[str, Any]) -> str:
    if resident.is_in_place(layout):
        return _recover_in_place(layout, intent)
    name = str(intent["version"])
    if layout.ramdisk.is_dir():
        resident.unstage(layout, name)
    not_started = _resumed(layout, intent)
    resident.finish_undo(layout, intent)
    # After a reboot the live path may say so still, and lead to nothing.
    if links.target(layout.live) != resident.live_target(layout, name) or name not in versions.residents(layout):
        return f"“{name}” had not become active: the live path was left as it was.{not_started}"
    try:
        resident.activate(layout, name)
    except Refused as error:
        return f"“{name}” had become active, but: {error}{not_started}"
    if intent["kind"] == "backup" and intent.get("previous"):
        resident.retire(layout, str(intent["previous"]))
    return f"“{name}” had become active: the backing link was set to it.{not_started}"


def _recover_in_place(layout: Layout, intent: dict[str, Any]) -> str:
    names = [str(name) for name in (intent["version"], intent.get("previous")) if name]
    whole = versions.identity(resident.place(layout, names[0]))
    found = next((item for name in names if (item := versions.sealed(layout, name)) and item.identity == whole), None)
    # A torn tree has no identity: the version before is put back, or the new one where there was none.
    wanted = found or next((item for name in reversed(names) if (item := versions.sealed(layout, name))), None)
    if wanted is None or not mounts.is_tmpfs(layout.ramdisk):
        return f"The live tree could not be mended: run “restore”.{_resumed(layout, intent)}"
    if found is None:
        # Whoever reads meanwhile gets the version from disk, not a torn tree.
        links.switch(layout.live, layout.version(wanted.name).name, tree=layout.version(wanted.name))
        inplace.sync(layout, wanted, Porter(_unheard, Stop()))
        inplace.verify(layout, wanted)
    inplace.activate(layout, wanted)
    return f"The live tree is “{wanted.name}”.{_resumed(layout, intent)}"


def _resumed(layout: Layout, intent: dict[str, Any]) -> str:
    """Start what the journal says was running, and nothing else; gives a sentence about what would not start."""
    if not journal.is_of_this_boot(intent):
        return ""
    ran = [item for item in services.configured(layout) if item.name in intent.get("paused", ())]
    failed = services.resume(ran, _unheard)
    return f" Not started again: {', '.join(failed)}." if failed else ""


def _unheard(event: Event) -> None:
    pass


def _recover_conversion(layout: Layout, intent: dict[str, Any]) -> str:
    name = str(intent["version"])
    if name not in versions.residents(layout):
        resident.unstage(layout, name)
        return "The conversion had not begun to show: layout in-place was kept."
    inplace.set_layout(layout, in_place=False)
    resident.activate(layout, name)
    return "The conversion was completed: the layout is resident."


def _recover_discard(layout: Layout, intent: dict[str, Any]) -> str:
    if resident.is_in_place(layout):
        return _recover_in_place(layout, intent)
    name = str(intent["version"])
    description = versions.sealed(layout, name)
    is_new = bool(description and renewal.finish_renewal(layout, description, intent.get("staged", {})))
    if layout.ramdisk.is_dir():
        resident.unstage(layout, name)
    if is_new:
        return f"What was changed in “{name}” was discarded: users have it as it was sealed."
    return f"What was changed in “{name}” was not discarded: users have what they had."


def _recover_removal(layout: Layout, intent: dict[str, Any]) -> str:
    name = str(intent["version"])
    if os.path.lexists(layout.version(name)):
        return f"“{name}” had not been removed from disk: it is still there."
    versions.forget(layout, name)
    return f"“{name}” had been removed."


_RECOVERIES = {
    "build": _recover_build,
    "solve": _recover_solve,
    "copy": _recover_copy,
    **dict.fromkeys(("remove", "prune"), _recover_removal),
    **dict.fromkeys(journal.MAKES_ACTIVE, _recover_live),
    "convert": _recover_conversion,
    "discard": _recover_discard,
    **dict.fromkeys(("kernel-install", "kernel-remove"), variant.recover),
}
