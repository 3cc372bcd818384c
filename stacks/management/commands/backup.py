"""`dlstack backup`: keep what users changed in the active tree."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Keep what users changed in the active tree as a version; writes nothing when nothing has changed."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--full", action="store_true", help="compare the content of every file too")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.backup(
            machine=machine, full=options["full"], requested_by=requester(), reason=options["reason"]
        )
