"""`dlstack adopt`: take over what was made by hand."""

from __future__ import annotations

from typing import Any

from access.roles import MACHINES
from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Take over links, versions and the ramdisk that were made by hand, without changing a byte of them."

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.adopt(machine=machine, requested_by=requester(MACHINES), reason=options["reason"])
