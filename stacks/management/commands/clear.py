"""`dlstack clear`: take the mark from a version that is marked bad."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import marks
from stacks.engine.errors import Refused
from stacks.engine.layout import check_name
from stacks.management.verb import DONE, Verb, machine_named, requester


class Command(Verb):
    help = "Clear the mark on a version that is marked bad: then it can be deployed and reverted to again."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="VERSION")
        parser.add_argument("--reason", required=True, help="why, for the record")

    def carry_out(self, options: dict[str, Any]) -> int:
        machine, name = machine_named(options["machine"]), check_name(options["version"])
        row = machine.versions.filter(name=name, removed_at=None).select_related("machine").first()
        if row is None:
            raise Refused(f"There is no sealed version “{name}” on {machine.name}: “dlstack versions” lists them.")
        marks.clear(version=row, by=requester(), reason=options["reason"])
        if self.is_json:
            self.document({"machine": machine.name, "version": name, "bad": None})
        self.say(f"The mark on “{name}” is cleared: it can be deployed.")
        return DONE
