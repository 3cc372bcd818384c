"""`dlstack restore`: fill the ramdisk after a reboot."""

from __future__ import annotations

from typing import Any

from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Serve from disk at once, fill the ramdisk with the version behind the backing link, serve from RAM again."

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.restore(machine=machine, requested_by=requester(), reason=options["reason"])
