"""`dlstack remove`: delete a version."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from access.roles import DELETE
from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Delete a version from disk and ramdisk; one that is active, backing, pinned or in use stays."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="VERSION")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.remove(
            machine=machine, version=options["version"], requested_by=requester(DELETE), reason=options["reason"]
        )
