"""`dlstack discard`: discard drift."""

from __future__ import annotations

from typing import Any

from access.roles import DELETE
from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Bring the active tree back to what was sealed: what users changed in it goes, at once and for good."

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.discard(machine=machine, requested_by=requester(DELETE), reason=options["reason"])
