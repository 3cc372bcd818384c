"""`dlstack deploy`: make a version active."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import operations
from stacks.management.changing import ChangingVerb, add_choices, choices_of
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Copy a sealed version into the ramdisk, verify it, and make it active."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="VERSION")
        add_choices(parser)

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.deploy(
            machine=machine,
            version=options["version"],
            choices=choices_of(options),
            requested_by=requester(),
            reason=options["reason"],
        )
