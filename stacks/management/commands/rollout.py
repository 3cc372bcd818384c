"""`dlstack rollout`: deploy a version, or revert, on many machines in batches."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import transaction

from stacks import embedded, rollouts
from stacks.engine.errors import Failed, Refused
from stacks.management.changing import STOPPED_LOOKING
from stacks.management.rollouts import follow, rollout_numbered, tell
from stacks.management.verb import DONE, FAILED, Verb, machine_named, requester
from stacks.models import Rollout


class Command(Verb):
    help = "Deploy VERSION on the machines M, or revert each to its last healthy version: canaries first, in batches."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="VERSION", nargs="?")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--revert", action="store_true", help="each machine goes back to its last healthy version")
        what.add_argument("--resume", metavar="ID", type=int, help="try again where it failed, and go on")
        what.add_argument("--cancel", metavar="ID", type=int, help="begin no further machine, end those at work")
        parser.add_argument("--to", metavar="M", nargs="+", default=[], help="the machines, in their order")
        parser.add_argument("--canary", metavar="N", type=int, help="how many come first (1; none for a revert)")
        parser.add_argument("--batch", metavar="N", type=int, default=0, help="how many then at a time (all)")
        parser.add_argument("--pause", metavar="S", type=int, default=0, help="seconds between two batches (0)")
        parser.add_argument(
            "--on-failure", choices=Rollout.OnFailure.values, default="stop",
            help="leave all as it is, or revert the machines that were changed",
        )  # fmt: skip
        parser.add_argument("--any-build", action="store_true", help="each may take its own build of that name")
        parser.add_argument("--mark-bad", action="store_true", help="with --revert: mark what is left as bad")
        parser.add_argument("--reason", default="", help="why, for the record")
        parser.add_argument("--detach", action="store_true", help="print the rollout's id and do not wait for it")
        parser.add_argument("--dry-run", action="store_true", help="print what would be done, and change nothing")

    def carry_out(self, options: dict[str, Any]) -> int:
        _refuse_mixed(options)
        if options["dry_run"]:
            return self._tried(options, show=True)
        if settings.DLSTACK.is_embedded and not embedded.is_running():
            self._tried(options, show=False)  # what would be refused starts nothing
        try:
            embedded.ensure_running()
        except Failed as error:
            self.stderr.write(str(error))
            return FAILED
        return self._followed(_asked(options), options)

    def _tried(self, options: dict[str, Any], *, show: bool) -> int:
        with transaction.atomic():
            rollout = _asked(options)
            if show:
                self._show(rollout)
            transaction.set_rollback(True)
        return DONE

    def _show(self, rollout: Rollout) -> None:
        document = rollouts.document(rollout)
        if self.is_json:
            self.document(document)
        for one in document["machines"]:
            self.say(f"batch {one['batch'] + 1}: {rollout.kind} {one['version']} on {one['machine']} {one['message']}")

    def _followed(self, rollout: Rollout, options: dict[str, Any]) -> int:
        if options["cancel"] is not None and not rollout.is_moving:
            return tell(self, rollout)
        if options["detach"]:
            self.document({"id": rollout.pk}) if self.is_json else self.say(str(rollout.pk))
            return DONE
        try:
            status = follow(self, rollout)
        except KeyboardInterrupt:
            self.stderr.write(
                f"The {rollout} goes on: “dlstack rollouts {rollout.pk}” shows it, "
                f"“dlstack rollout --cancel {rollout.pk}” ends it."
            )
            return STOPPED_LOOKING
        as_asked = options["cancel"] is not None and rollout.state == Rollout.State.CANCELLED
        return DONE if as_asked else status


def _refuse_mixed(options: dict[str, Any]) -> None:
    going = options["resume"] is not None or options["cancel"] is not None
    if going and (options["version"] or options["to"]):
        raise Refused("--resume and --cancel take the id of a rollout and nothing else.")
    if options["revert"] and options["version"]:
        raise Refused("--revert takes no version: each machine goes back to its own.")
    if options["revert"] and options["on_failure"] != "stop":
        raise Refused("A revert is not reverted: --on-failure is for deploys.")
    if options["any_build"] and options["revert"]:
        raise Refused("--any-build is for deploys: a revert goes back to what was active there.")
    if options["mark_bad"] and not options["revert"]:
        raise Refused("--mark-bad is for --revert: it marks what is left.")
    if not going and not options["to"]:
        raise Refused("Say on which machines with --to.")
    if not (going or options["revert"] or options["version"]):
        raise Refused("Say which version, or --revert.")


def _asked(options: dict[str, Any]) -> Rollout:
    by = requester()
    if options["resume"] is not None:
        return rollouts.resume(rollout=rollout_numbered(options["resume"]), by=by)
    if options["cancel"] is not None:
        return rollouts.cancel(rollout=rollout_numbered(options["cancel"]), by=by)
    machines = [machine_named(name) for name in dict.fromkeys(options["to"])]
    usual = 0 if options["revert"] else 1
    canary = usual if options["canary"] is None else options["canary"]
    pace = rollouts.Pace(canary=canary, batch=options["batch"], pause=options["pause"])
    asked: dict[str, Any] = {"machines": machines, "pace": pace, "requested_by": by, "reason": options["reason"]}
    if options["revert"]:
        return rollouts.revert(**asked, mark_bad=options["mark_bad"])
    return rollouts.deploy(
        **asked, version=options["version"], on_failure=options["on_failure"], any_build=options["any_build"]
    )
