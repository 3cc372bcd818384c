"""What provisioning refuses to touch: roots that others can replace, links and files, and what was made by hand."""

from __future__ import annotations

import os
from pathlib import Path

from stacks.engine import adoption, links, mounts, ramdisk, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.provision.wanted import Wanted


def check(wanted: Wanted) -> None:
    """Raise Refused unless the root can be provisioned; nothing is changed."""
    layout = wanted.layout
    _check_root(layout.root)
    if not wanted.trust_parents:
        _check_parents(layout)
    _check_state(layout)
    _check_not_by_hand(layout)
    _check_ramdisk(layout)


def _check_root(root: Path) -> None:
    if root.is_symlink():
        raise Refused(f"{root} is a symlink to {os.readlink(root)}: name the directory itself.")
    if os.path.lexists(root) and not root.is_dir():
        raise Refused(f"{root} is not a directory: move it away, or correct the root.")


def _check_parents(layout: Layout) -> None:
    real = Layout(Path(os.path.realpath(layout.root)))
    if found := [*adoption.writable_parents(layout), *adoption.writable_parents(real)]:
        raise Refused(
            f"{found[0]} can be written by everybody: any user could replace the live path. Type chmod o-w {found[0]}, "
            "or say that its users are to be trusted (--trust-parents)."
        )


def _check_state(layout: Layout) -> None:
    # Even the lock would be made through a symlink, wherever it leads.
    for name, _ in ramdisk.STATE:
        place = layout.state / name
        if os.path.lexists(place) and not versions.is_directory(place):
            raise Refused(f"{place} is not a directory: move it away, then provision again.")


def _check_not_by_hand(layout: Layout) -> None:
    for link in (layout.live, layout.backing):
        links.target(link)
    if versions.all_sealed(layout):
        return
    holds_tree = layout.live.is_dir() and any(layout.live.iterdir())
    if adoption.unsealed(layout) or holds_tree:
        raise Refused(
            f"{layout.root} holds a tree that was made by hand: take it over with “adopt”, not with provision."
        )


def _check_ramdisk(layout: Layout) -> None:
    place = layout.ramdisk
    if place.is_symlink():
        if not (mounts.is_tmpfs(place) or leads_into_shared_memory(layout)):
            raise Refused(f"{place} leads to {os.readlink(place)}, which is not a tmpfs: remove the symlink.")
    elif os.path.lexists(place) and not place.is_dir():
        raise Refused(f"{place} is not a directory: move it away.")
    elif os.path.ismount(place):
        if not mounts.is_tmpfs(place):
            raise Refused(f"{place} is mounted, but not a tmpfs ({mounts.filesystem(place)}): unmount it.")
    elif place.is_dir() and any(place.iterdir()):
        raise Refused(f"{place} holds files on disk: nothing is mounted over them. Move them away.")


def leads_into_shared_memory(layout: Layout) -> bool:
    """Tell whether the ramdisk is a symlink into /dev/shm, as the embedded default makes one."""
    return layout.ramdisk.is_symlink() and Path(os.readlink(layout.ramdisk)).is_relative_to(ramdisk.SHARED_MEMORY)
