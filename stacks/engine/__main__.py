"""The command that works when web, database and broker are gone: python -m stacks.engine VERB ROOT … (design §9)."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stacks.engine import adoption, journal, owner, ramdisk, recovery, resident, status
from stacks.engine.errors import EngineError, Refused
from stacks.engine.events import Event, Progress
from stacks.engine.layout import Layout
from stacks.engine.locks import lane_lock
from stacks.plans import LANES, Context, execute, plan_for


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0 done, 1 it failed, 2 refused with one line that says why."""
    asked = _parser().parse_args(arguments)
    try:
        layout = Layout(asked.root)
        return _status(layout, asked) if asked.verb == "status" else _operate(layout, asked)
    except Refused as error:
        print(f"dlstack: {error}", file=sys.stderr)
        return 2
    except (EngineError, OSError) as error:
        print(f"dlstack: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stacks.engine", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, (text, takes_version) in VERBS.items():
        added = verbs.add_parser(verb, help=text, description=text)
        added.add_argument("root", type=Path, metavar="ROOT", help="the machine's root, for example /data0")
        if takes_version:
            added.add_argument("version", nargs="?" if verb in OPTIONAL else None, metavar="VERSION")
        added.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
        added.add_argument("--owner", default="", help="user, uid or uid:gid that owns the versions")
        if verb == "verify":
            added.add_argument("--full", action="store_true", help="read and compare every file")
        if verb == "revert":
            added.add_argument("--reason", default="", help="kept in the history")
    return parser


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


def _status(layout: Layout, asked: argparse.Namespace) -> int:
    found = status.read(layout, measured=True)
    if asked.json:
        print(json.dumps(found, indent=1))
        return 0
    print(f"{found['root']}: active {found['active'] or 'nothing'}, backed by {found['backing'] or 'nothing'}")
    for version in found["versions"]:
        marks = [mark for mark in ("active", "backing") if found[mark] == version["name"]]
        marks += ["in RAM"] if version["name"] in found["resident"] else []
        print(f"  {version['name']:24} {'sealed' if version['sealed'] else 'NOT SEALED'} {', '.join(marks)}")
    for problem in found["problems"]:
        print(f"  ! {problem['message']} {problem['action']}")
    return 0


def _operate(layout: Layout, asked: argparse.Namespace) -> int:
    if asked.verb == "adopt":
        adoption.check(layout)
        ramdisk.prepare_state(layout, owner.resolve(asked.owner))
    elif not layout.state.is_dir():
        raise Refused(f"{layout.root} is not run by DLStack: adopt or provision it first.")
    parameters: dict[str, Any] = {"full": getattr(asked, "full", False), "reason": getattr(asked, "reason", "")}
    if version := getattr(asked, "version", None) or _default_version(layout, asked.verb):
        parameters["version"] = version
    lane = LANES[asked.verb]
    with lane_lock(layout, lane, f"the command “{asked.verb}”") as descriptor:
        for sentence in recovery.recover(layout, lane):
            _show(asked)(Event("note", sentence))
        context = _context(layout, asked, parameters, descriptor)
        execute(plan_for(asked.verb, context), context, _Silent())
    print(json.dumps(context.outcome) if asked.json else "Done.")
    return 0


def _context(layout: Layout, asked: argparse.Namespace, parameters: dict[str, Any], descriptor: int) -> Context:
    return Context(
        layout,
        owner.resolve(asked.owner),
        f"engine:{uuid.uuid4()}",
        parameters,
        _show(asked),
        _ignore,
        lock_fds=(descriptor,),
    )


def _default_version(layout: Layout, verb: str) -> str | None:
    if verb != "revert":
        return None
    found = journal.last_active(layout, besides=resident.active(layout))
    if found is None:
        raise Refused("No earlier version was active here: name the VERSION to revert to.")
    return found


def _show(asked: argparse.Namespace) -> Any:
    def show(event: Event) -> None:
        print(f"{'== ' if event.kind == 'step' else '   '}{event.text}", file=sys.stderr if asked.json else sys.stdout)

    return show


def _ignore(progress: Progress) -> None:
    pass


class _Silent:
    """An observer for whom the log is enough."""

    def step_started(self, name: str) -> None:
        pass

    def step_finished(self, name: str, state: str) -> None:
        pass


if __name__ == "__main__":
    sys.exit(main())
