"""`dlstack provision`: make a new machine ready."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from access.roles import MACHINES
from stacks import operations
from stacks.engine import provision
from stacks.engine.command import arguments, provisioning
from stacks.engine.errors import NothingToDo
from stacks.engine.layout import Layout
from stacks.management.changing import ChangingVerb
from stacks.management.verb import DONE, machine_named, requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Make a new machine ready: root, ramdisk, state, units; with --dry-run print what root would type."

    def arguments(self, parser: CommandParser) -> None:
        arguments.describe_machine(parser)

    def carry_out(self, options: dict[str, Any]) -> int:
        if options["dry_run"]:
            machine = machine_named(options["machine"])
            return provisioning.operate(Layout(Path(machine.root)), _asked(machine, options))
        try:
            return super().carry_out(options)
        except NothingToDo as found:
            self.document({"done": [], "message": str(found)}) if self.is_json else self.say(str(found))
            return DONE

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.provision(
            machine=machine,
            parameters=provisioning.parameters_of(_asked(machine, options), provision.this_host()),
            requested_by=requester(MACHINES),
            reason=options["reason"],
        )


def _asked(machine: Machine, options: dict[str, Any]) -> Namespace:
    return Namespace(**{**options, "owner": machine.owner, "machine": machine.name})
