"""What is true on a machine's disk now: links, versions, ramdisk, problems (design §9, `status --json`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from stacks.engine import damage, detour, mounts, reserve, resident, sandbox, services, sizes, versions, watch
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.terms import Terms
from stacks.engine.versions import Description

_LOW = 0.05  # of a filesystem's room
_FEW = 1000  # inodes
_USUAL = Terms()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that an admin should mend: a stable `code`, what is the matter, and the one thing to do."""

    code: str
    message: str
    action: str


def read(layout: Layout, terms: Terms = _USUAL, *, measured: bool = False) -> dict[str, Any]:
    """Read the status document, JSON types only; sizes are measured anew if wanted (tens of ms per 10,000 files)."""
    known = sizes.measure(_sealed_places(layout)) if measured else sizes.stored(layout)
    listed = [_version(layout, name, known) for name in versions.directories(layout)]
    active = resident.active(layout)
    return {
        "root": str(layout.root),
        "layout": "in-place" if resident.is_in_place(layout) else "resident",
        "active": active,
        "backing": resident.backing(layout),
        "resident": resident.in_ram(layout),
        "versions": listed,
        "links": [_link(path) for path in (layout.live, layout.backing, layout.ramdisk)],
        "ramdisk": _ramdisk(layout),
        "disk": _disk(layout),
        "services": _services(layout),
        "lost": resident.is_lost(layout),
        "detour": detour.pending(layout) is not None,
        "problems": [_plain(problem) for problem in problems(layout, terms)],
    }


def outline(layout: Layout) -> dict[str, Any]:
    """Read the part of the status document that a switch asks for: what is active, backing, resident and sealed."""
    sealed = versions.all_sealed(layout)
    return {
        "active": resident.active(layout),
        "backing": resident.backing(layout),
        "resident": resident.in_ram(layout),
        "versions": [{"name": name, "sealed": name in sealed} for name in versions.directories(layout)],
    }


def _sealed_places(layout: Layout) -> dict[str, Path]:
    return {name: layout.version(name) for name in versions.all_sealed(layout)}


def _version(layout: Layout, name: str, known: dict[str, sizes.Size]) -> dict[str, Any]:
    description = versions.sealed(layout, name)
    if description is None:
        return {"name": name, "sealed": False, "files": None, "bytes": None, "unique_bytes": None}
    size = known.get(name, sizes.Size(description.files, description.bytes, description.bytes))
    return {
        "name": name,
        "sealed": True,
        "files": description.files,
        "bytes": size.bytes,
        "unique_bytes": size.unique_bytes,
        **_described(description),
    }


def _described(description: Description) -> dict[str, Any]:
    # Not by asdict, which copies the lists of all packages of all versions for every page.
    names = (field.name for field in fields(description))
    return {name: getattr(description, name) for name in names if name not in ("name", "files", "bytes", "recipe_text")}


def _link(path: Path) -> dict[str, Any]:
    found = os.readlink(path) if path.is_symlink() else None
    there = path.exists()
    return {"path": str(path), "target": found, "resolves": os.path.realpath(path) if there else None, "exists": there}


def _ramdisk(layout: Layout) -> dict[str, Any]:
    if not mounts.is_tmpfs(layout.ramdisk):
        return {"path": str(layout.ramdisk), "is_tmpfs": False, "bytes_total": 0, "bytes_used": 0}
    room = mounts.room(layout.ramdisk)
    used = room.bytes_total - room.bytes_free
    return {"path": str(layout.ramdisk), "is_tmpfs": True, "bytes_total": room.bytes_total, "bytes_used": used}


def _services(layout: Layout) -> list[dict[str, Any]]:
    try:
        return services.listed(layout)
    except Refused:
        return []


def _disk(layout: Layout) -> dict[str, Any]:
    try:
        room = mounts.room(layout.root)
    except OSError:
        return {"bytes_total": 0, "bytes_free": 0}
    return {"bytes_total": room.bytes_total, "bytes_free": room.bytes_free}


def problems(layout: Layout, terms: Terms = _USUAL) -> list[Problem]:
    """List what an admin should mend, the most urgent first."""
    if not layout.root.is_dir():
        return [Problem("no-root", f"{layout.root} does not exist.", "Run “dlstack provision”, or correct the root.")]
    own = [*_live_problems(layout), *_ramdisk_problems(layout), *_disk_problems(layout)]
    return [*own, *_tool_problems(), *_guest_problems(terms)]


def _live_problems(layout: Layout) -> list[Problem]:
    live, found = layout.live, []
    if detour.pending(layout) is not None:
        message = f"{live} leads to a tree under construction, until the build that does so has ended."
        return [Problem("detour", message, "Wait for the build, or cancel it: “dlstack operations” names it.")]
    if not os.path.lexists(live):
        found.append(Problem("nothing-live", f"{live} does not exist yet.", "Build a version and deploy it."))
    elif not live.is_symlink():
        found.append(Problem("live-no-link", f"{live} is not a symlink.", "Take the tree over with “dlstack adopt”."))
    elif not live.exists():
        found.append(
            Problem(
                "live-dangling", f"{live} leads to {os.readlink(live)}, which is not there.", "Run “dlstack restore”."
            )
        )
    elif resident.active(layout) != resident.backing(layout):
        message = f"{layout.backing} does not name the active version: after a reboot another would come back."
        found.append(Problem("backing-differs", message, "Deploy the active version again."))
    return found


def _ramdisk_problems(layout: Layout) -> list[Problem]:
    if mounts.is_tmpfs(layout.ramdisk):
        return []
    message = f"{layout.ramdisk} is not a tmpfs: nothing can be deployed."
    return [Problem("no-ramdisk", message, "Mount a tmpfs there, or run “dlstack provision”.")]


def _reserve_problems(layout: Layout) -> list[Problem]:
    if not layout.state.is_dir() or reserve.is_there(layout.state):
        return []
    if reserve.was_made(layout.state):
        message = f"The room that is kept back on the disk of {layout.root}, for clean-up when it is full, was spent."
        return [Problem("no-reserve", message, "Make room there: the worker keeps it back again within a minute.")]
    message = f"No room is kept back yet on the disk of {layout.root}, for clean-up when it is full."
    return [Problem("reserve-not-made", message, "Run “dlstack provision”; the machine's worker makes it, too.")]


def _disk_problems(layout: Layout) -> list[Problem]:
    found = _reserve_problems(layout)
    room = mounts.room(layout.root)
    if room.files_free is not None and room.files_free < _FEW:
        message = f"Only {room.files_free} inodes are free on the disk of {layout.root}."
        found.append(Problem("inodes-low", message, "Remove versions that nobody needs, with “dlstack prune”."))
    if room.bytes_free < _LOW * room.bytes_total:
        message = f"Only {room.bytes_free / 1e9:.1f} GB are free on the disk of {layout.root}."
        found.append(Problem("disk-low", message, "Remove versions that nobody needs, with “dlstack prune”."))
    if layout.root.stat().st_mode & 0o002:
        message = f"{layout.root} can be written by everybody: any user can replace the live path."
        found.append(Problem("root-writable", message, f"chmod 755 {layout.root}"))
    for name, said in damage.noted(layout).items():
        found.append(Problem("damaged", said, f"When it is mended: “dlstack verify {name} --full”."))
    for name in versions.directories(layout):
        if versions.sealed(layout, name) is None:
            message = f"{layout.version(name)} is not sealed: it cannot be deployed."
            found.append(Problem("not-sealed", message, "Take it over with “dlstack adopt”, or move it away."))
    return found


def _tool_problems() -> list[Problem]:
    try:
        sandbox.check()
    except Refused as error:
        return [
            Problem(
                "no-sandbox",
                f"Sandboxed builds and kernel launches cannot run: {error}",
                "Install the missing program.",
            )
        ]
    return []


def _guest_problems(terms: Terms) -> Iterator[Problem]:
    """Tell which of the terms for guests cannot be held to here; without a sandbox that is told as such."""
    if terms.shares_network:
        message = "Builds share this machine's network: they reach its own services and its neighbours."
        yield Problem("shared-network", message, "Set DLSTACK_BUILD_NETWORK to gate again, once nothing needs it.")
    elif not sandbox.parts_network() and not _tool_problems():
        message = "No sandbox can have a network of its own here: builds reach this machine's services and neighbours."
        yield Problem("shared-network", message, "Let the worker make network namespaces (in a container: NET_ADMIN).")
    if not watch.can_watch():
        message = "This kernel does not tell what a build started: its memory and its tasks are not limited."
        yield Problem("unwatched", message, "Run a kernel with CONFIG_PROC_CHILDREN.")


def _plain(problem: Problem) -> dict[str, str]:
    return {"code": problem.code, "message": problem.message, "action": problem.action}
