"""`dlstack rollouts`: the latest ones, or how one stands."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from stacks import rollouts
from stacks.engine.errors import Refused
from stacks.management.rollouts import rollout_numbered, tell
from stacks.management.verb import DONE, Verb
from stacks.models import Rollout

LATEST = 20


class Command(Verb):
    help = "List the latest rollouts, the newest first, or show how one stands."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", type=int, nargs="?")
        parser.add_argument("--limit", metavar="N", type=int, default=LATEST, help=f"how many ({LATEST})")

    def carry_out(self, options: dict[str, Any]) -> int:
        if options["limit"] < 1:
            raise Refused("--limit must be 1 or more.")
        if options["id"] is not None:
            return tell(self, rollout_numbered(options["id"]))
        latest = list(Rollout.objects.select_related("requested_by")[: options["limit"]])
        if self.is_json:
            self.document([rollouts.document(rollout) for rollout in latest])
        elif latest:
            self.table([("ID", "WHAT", "STATE", "WHO", "WHEN", ""), *map(_row, latest)])
        else:
            self.say("There was no rollout yet.")
        return DONE


def _row(rollout: Rollout) -> tuple[str, ...]:
    when = timezone.localtime(rollout.created_at)
    what = f"{rollout.kind} {rollout.version}".strip()
    who = str(rollout.requested_by or "–")
    return str(rollout.pk), what, rollout.state, who, f"{when:%Y-%m-%d %H:%M:%S}", rollout.message
