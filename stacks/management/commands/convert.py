"""`dlstack convert`: turn layout in-place into layout resident."""

from __future__ import annotations

from typing import Any

from access.roles import MACHINES
from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Turn layout in-place into layout resident, without an outage."

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.convert(machine=machine, requested_by=requester(MACHINES), reason=options["reason"])
