"""`dlstack rebuild`: build again exactly what a version was built from."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Build a new version from exactly what VERSION was built from: recipe, options and lockfile."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="VERSION")
        parser.add_argument("--name", help="the new version's name; today's date when left out")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.rebuild(
            machine=machine,
            like=options["version"],
            name=options["name"],
            requested_by=requester(),
            reason=options["reason"],
        )
