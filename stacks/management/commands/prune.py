"""`dlstack prune`: delete versions that are not needed any more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from access.roles import DELETE
from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation
from stacks.plans.removal import KEEP


class Command(ChangingVerb):
    help = "Delete all versions but the newest; what is active, backing, pinned or next to revert to stays."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--keep", metavar="N", type=int, default=KEEP, help=f"how many of the newest stay ({KEEP})")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.prune(
            machine=machine, keep_newest=options["keep"], requested_by=requester(DELETE), reason=options["reason"]
        )
