"""What the engine's command takes: its verbs, and the arguments of each."""

from __future__ import annotations

import argparse
from pathlib import Path

VERBS = {
    "status": ("show what is true on disk", False),
    "revert": ("put an earlier version back; without VERSION the last one that was active", True),
    "restore": ("after a reboot: serve from disk, fill the ramdisk, serve from RAM", False),
    "verify": ("compare a version with its manifest", True),
    "adopt": ("take over what was made by hand, without changing a byte of it", False),
    "convert": ("turn layout in-place into layout resident, without an outage", False),
    "backup": ("keep what has changed in the active tree as a version on disk", False),
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
        _add_own(verb, added)
    return made


def _add_own(verb: str, added: argparse.ArgumentParser) -> None:
    if verb == "verify":
        added.add_argument("--full", action="store_true", help="read and compare every file")
    if verb == "revert":
        added.add_argument("--reason", default="", help="kept in the history")
