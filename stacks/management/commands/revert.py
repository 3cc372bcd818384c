"""`dlstack revert`: put an earlier version back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import operations
from stacks.management.changing import ChangingVerb, add_choices, choices_of
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Put the last healthy version back, or the earlier one that is named."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="VERSION", nargs="?")
        parser.add_argument("--mark-bad", action="store_true", help="mark what is left as bad; needs a reason")
        add_choices(parser)

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.revert(
            machine=machine,
            version=options["version"],
            choices=choices_of(options),
            mark_bad=options["mark_bad"],
            requested_by=requester(),
            reason=options["reason"],
        )
