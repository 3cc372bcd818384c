"""`dlstack unfreeze`: let a machine be deployed to again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import marks
from stacks.management.verb import DONE, Verb, machine_named, requester


class Command(Verb):
    help = "Let a machine be deployed to again."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="why, for the record")

    def carry_out(self, options: dict[str, Any]) -> int:
        machine = machine_named(options["machine"])
        marks.unfreeze(machine=machine, by=requester(), reason=options["reason"])
        if self.is_json:
            self.document({"machine": machine.name, "frozen": marks.frozen(machine) or None})
        self.say(marks.frozen(machine) or f"{machine.name} can be deployed to again.")
        return DONE
