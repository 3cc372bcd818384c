"""Putting a fresh copy of a resident version in its place, in one instant, and at nobody's expense."""

from __future__ import annotations

from stacks.engine import durable, externals, resident, versions
from stacks.engine.layout import Layout
from stacks.engine.versions import Description


def renew(layout: Layout, description: Description) -> None:
    """Put a verified staged tree in the place of the resident one, in one instant, and remove that.

    The old tree's external environments, to which their owners wrote meanwhile, move over as they are. `staged_inodes`
    tells afterwards how far that went.
    """
    staging, place = layout.staging(description.name), layout.resident(description.name)
    versions.mark(staging, description)
    durable.exchange(staging, place)
    for external in externals.of(description):
        durable.exchange(staging / external.path, place / external.path)
    resident.unstage(layout, description.name)


def staged_inodes(layout: Layout, description: Description) -> dict[str, int]:
    """Give the inodes of a staged tree, under “.”, and of its external environments: what `finish_renewal` goes by."""
    staging = layout.staging(description.name)
    paths = [".", *(external.path for external in externals.of(description))]
    return {path: (staging / path).lstat().st_ino for path in paths}


def finish_renewal(layout: Layout, description: Description, staged: dict[str, int]) -> bool:
    """Complete what a killed `renew` began, and tell if it had: the owners' own directories come into the new tree."""
    staging, place = layout.staging(description.name), layout.resident(description.name)
    if not versions.is_directory(place) or place.lstat().st_ino != staged.get("."):
        return False
    for external in externals.of(description):
        new, old = place / external.path, staging / external.path
        both = versions.is_directory(new) and versions.is_directory(old)
        if both and new.lstat().st_ino == staged.get(external.path):
            durable.exchange(old, new)
    return True
