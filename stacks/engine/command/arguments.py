"""What the engine's command takes: its verbs, and the arguments of each."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

VERBS = {
    "status": ("show what is true on disk", False),
    "revert": ("put an earlier version back; without VERSION the last one that was active", True),
    "restore": ("after a reboot: serve from disk, fill the ramdisk, serve from RAM", False),
    "verify": ("compare a version with its manifest", True),
    "adopt": ("take over what was made by hand, without changing a byte of it", False),
    "convert": ("turn layout in-place into layout resident, without an outage", False),
    "backup": ("keep what has changed in the active tree as a version on disk", False),
    "remove": ("delete a version that nobody needs", True),
    "prune": ("delete all versions but the newest, the protected and those that are --pinned", False),
    "provision": ("make a new machine ready: root, ramdisk, state, units", False),
}
OPTIONAL = ("revert",)


def parser() -> argparse.ArgumentParser:
    """Make the parser of all verbs."""
    made = argparse.ArgumentParser(
        prog="python -m stacks.engine", description="Works on a root when web, database and broker are gone."
    )
    verbs = made.add_subparsers(dest="verb", required=True)
    for verb, (text, takes_version) in VERBS.items():
        added = verbs.add_parser(verb, help=text, description=text)
        added.add_argument("root", type=Path, metavar="ROOT", help="the machine's root, for example /data0")
        if takes_version:
            added.add_argument("version", nargs="?" if verb in OPTIONAL else None, metavar="VERSION")
        added.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
        added.add_argument("--owner", default="", help="user, uid or uid:gid that owns the versions")
        OWN.get(verb, _nothing)(added)
    return made


def _nothing(added: argparse.ArgumentParser) -> None:
    """Add nothing: the verb takes what all take."""


def _verify(added: argparse.ArgumentParser) -> None:
    added.add_argument("--full", action="store_true", help="read and compare every file")


def _revert(added: argparse.ArgumentParser) -> None:
    added.add_argument("--reason", default="", help="kept in the history")


def _restore(added: argparse.ArgumentParser) -> None:
    added.add_argument("--serve-only", action="store_true", help="end when it is served from disk, as boot does first")


def _removal(added: argparse.ArgumentParser) -> None:
    # Pins are kept in the database, which is not read here.
    added.add_argument("--pinned", action="append", default=[], metavar="VERSION", help="keep this one; repeatable")


def _prune(added: argparse.ArgumentParser) -> None:
    _removal(added)
    added.add_argument("--keep", type=int, default=3, metavar="N", help="how many of the newest stay (3)")
    added.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")


def _provision(added: argparse.ArgumentParser) -> None:
    added.add_argument("--dry-run", action="store_true", help="print what a root user would type, and change nothing")
    added.add_argument("--machine", default="", help="its name in DLStack (default: the host's)")
    describe_machine(added)


def describe_machine(added: argparse.ArgumentParser) -> None:
    """Declare what a new machine is to be like; `dlstack provision` takes the same."""
    added.add_argument("--layout", default="", help="resident (default) or in-place")
    added.add_argument("--size", default="", help="of the ramdisk: bytes, 8G, or 50%% of RAM (default: half of RAM)")
    added.add_argument("--inodes", type=int, metavar="N", help="of the ramdisk (default: one for 4 KiB)")
    added.add_argument("--trust-parents", action="store_true", help="accept directories that everybody can write")
    added.add_argument("--service", action="append", default=[], metavar="UNIT", help="to pause; repeatable")


OWN: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "verify": _verify,
    "revert": _revert,
    "restore": _restore,
    "remove": _removal,
    "prune": _prune,
    "provision": _provision,
}
