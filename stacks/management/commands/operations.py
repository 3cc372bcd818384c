"""`dlstack operations`: what was asked for, lately."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from stacks import documents
from stacks.engine.errors import Refused
from stacks.management.verb import DONE, Verb, machine_named
from stacks.models import Operation


class Command(Verb):
    help = "List the latest operations, the newest first."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", metavar="N", type=int, default=20, help="how many (20)")

    def carry_out(self, options: dict[str, Any]) -> int:
        if options["limit"] < 1:
            raise Refused("--limit must be 1 or more.")
        found = Operation.objects.select_related("machine", "requested_by")
        if options["machine"]:
            found = found.filter(machine=machine_named(options["machine"]))
        latest = list(found[: options["limit"]])
        if self.is_json:
            self.document([documents.of_operation(operation) for operation in latest])
        elif latest:
            self.table([("ID", "MACHINE", "WHAT", "STATE", "WHO", "WHEN", ""), *map(_row, latest)])
        else:
            self.say("Nothing was asked for yet.")
        return DONE


def _row(operation: Operation) -> tuple[str, ...]:
    what = f"{operation.kind} {operation.parameters.get('version', '')}".rstrip()
    who = str(operation.requested_by or "–")
    when = timezone.localtime(operation.created_at)
    return (
        str(operation.pk),
        operation.machine.name,
        what,
        operation.state,
        who,
        f"{when:%Y-%m-%d %H:%M:%S}",
        operation.message,
    )
