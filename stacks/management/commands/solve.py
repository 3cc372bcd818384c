"""`dlstack solve`: what a build would change."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Show what a build of a recipe would add, remove and change against the active version; nothing is built."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("recipe", metavar="RECIPE")
        parser.add_argument("--option", metavar="O", action="append", default=[], help="an option of the recipe")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.solve(
            machine=machine,
            recipe_name=options["recipe"],
            options=options["option"],
            requested_by=requester(),
            reason=options["reason"],
        )
