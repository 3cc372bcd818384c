"""`dlstack verify`: compare a version with its manifest."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Compare a version's copies, on disk and in the ramdisk, with its manifest."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="VERSION")
        parser.add_argument("--full", action="store_true", help="read and compare every file")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.verify(
            machine=machine,
            version=options["version"],
            full=options["full"],
            requested_by=requester(),
            reason=options["reason"],
        )
