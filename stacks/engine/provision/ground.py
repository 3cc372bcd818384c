"""The root and what lies in it: DLStack's state, the kernelspec library, the layout, the services to pause."""

from __future__ import annotations

import json
import os
from pathlib import Path

from stacks.engine import documents, inplace, links, ramdisk, reserve, resident, services
from stacks.engine.errors import Refused
from stacks.engine.provision.action import Action, Directory, group, install, user, write
from stacks.engine.provision.host import Host
from stacks.engine.provision.wanted import Wanted


def root(wanted: Wanted, host: Host) -> Action:
    """Make the root, and give it to the owner unless it holds more than DLStack's own directory."""
    place, owner = wanted.layout.root, wanted.owner
    is_missing = not place.is_dir()
    made = Directory(place, 0o755 if is_missing else place.stat().st_mode & 0o7777, owner)
    is_ours = is_missing or {path.name for path in place.iterdir()} <= {wanted.layout.state.name}
    is_given = not is_missing and (place.stat().st_uid, place.stat().st_gid) == (owner.uid, owner.gid)
    return Action(
        "root", "Make the root", f"{place}, where everything lies, belongs to {user(owner)}, as whom builds run.",
        install([made]), is_ours and not is_given, may_write(wanted, host), lambda *_: made.make(),
    )  # fmt: skip


def kernel_specs(wanted: Wanted, host: Host) -> Action:
    """Make the kernelspec library, where there is none."""
    place = wanted.layout.kernel_specs
    made = Directory(place, 0o755, wanted.owner)
    return Action(
        "kernel-specs", "Make the kernelspec library", f"{place} holds the master copies of kernelspecs.",
        install([made]), not os.path.lexists(place), may_write(wanted, host), lambda *_: made.make(),
    )  # fmt: skip


def state(wanted: Wanted, host: Host) -> Action:
    """Make DLStack's own directories, where one is missing."""
    layout = wanted.layout
    made = [Directory(layout.state / name, mode, wanted.owner) for name, mode in ramdisk.STATE]

    def work(*_: object) -> None:
        for item in made:
            item.make()
        ramdisk.prepare_state(layout, wanted.owner)

    needed = not all(item.place.is_dir() for item in made)
    why = f"{layout.state} holds manifests, locks, the history and the build area."
    return Action("state", "Make DLStack's directories", why, install(made), needed, may_write(wanted, host), work)


def room_kept(wanted: Wanted, host: Host) -> Action:
    """Keep room on the disk for clean-up, where none is kept."""
    state = wanted.layout.state
    place, each = reserve.place(state), reserve.SIZE // reserve.FILES
    made = f"install -m 600 -o {user(wanted.owner)} -g {group(wanted.owner)} /dev/null"
    files = f"for n in $(seq 0 {reserve.FILES - 1}); do {made} {place}/$n; fallocate -l {each} {place}/$n; done"
    commands = (*install([Directory(place, 0o700, wanted.owner)]), files, f"{made} {place}/of-{reserve.SIZE}")

    def work(*_: object) -> None:
        if not reserve.keep(state, reserve.SIZE):
            raise Refused(f"The disk of {wanted.layout.root} has no room for a reserve of DLStack's: make room there.")

    why = f"{place} is spent by clean-up, links and the journal when the disk is full, and made anew afterwards."
    needed = not reserve.is_there(state)
    return Action("reserve", "Keep some room", why, commands, needed, may_write(wanted, host), work)


def layout_mark(wanted: Wanted, host: Host) -> Action:
    """Note which layout the root has."""
    layout = wanted.layout
    command = f"echo 'one tree, the ramdisk itself' > {layout.in_place_mark}"
    return Action(
        "layout", f"Note the layout: {'in-place' if wanted.in_place else 'resident'}",
        f"{layout.in_place_mark} is there under layout in-place alone.",
        (command if wanted.in_place else f"rm {layout.in_place_mark}",),
        wanted.in_place != resident.is_in_place(layout), may_write(wanted, host),
        lambda *_: inplace.set_layout(layout, in_place=wanted.in_place),
    )  # fmt: skip


def live_link(wanted: Wanted, host: Host) -> Action:
    """Point the live path at the ramdisk, under layout in-place; the first deploy does it under layout resident."""
    layout = wanted.layout

    def work(*_: object) -> None:
        if not os.path.lexists(layout.live):
            links.switch(layout.live, layout.ramdisk.name, tree=layout.ramdisk)

    needed = wanted.in_place and not os.path.lexists(layout.live)
    why = f"{layout.live} is where everybody finds the software; the first deploy makes {layout.backing}."
    command = f"ln -s {layout.ramdisk.name} {layout.live}"
    return Action("live", "Make the live path", why, (command,), needed, may_write(wanted, host), work)


def pausing(wanted: Wanted, host: Host) -> Action:
    """Write down the services that a deploy under layout in-place pauses."""
    place = wanted.layout.state / "services.json"
    listed = list(wanted.services)
    why = "The services that are stopped while the live tree is torn."
    text = json.dumps(listed, indent=1, sort_keys=True)
    return Action(
        "services", "Note the services to pause", why, (write(place, text),),
        bool(listed) and _configured(place) != listed, may_write(wanted, host),
        lambda *_: services.configure(wanted.layout, listed),
    )  # fmt: skip


def _configured(place: Path) -> object:
    try:
        return documents.parse(place.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise Refused(f"{place} is no valid JSON: mend or remove it.") from None


def may_write(wanted: Wanted, host: Host) -> bool:
    """Tell whether this user may make things in the root, and may make them the owner's."""
    if host.is_root:
        return True
    there = next(place for place in (wanted.layout.root, *wanted.layout.root.parents) if place.exists())
    return wanted.owner.uid == host.uid and os.access(there, os.W_OK | os.X_OK)
