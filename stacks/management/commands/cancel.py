"""`dlstack cancel`: end an operation that has not ended yet."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import documents, operations
from stacks.management.verb import DONE, Verb, operation_numbered, requester
from stacks.models import Operation


class Command(Verb):
    help = "Cancel an operation: what it has begun is undone."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", type=int)

    def carry_out(self, options: dict[str, Any]) -> int:
        operation = operations.request_cancel(operation=operation_numbered(options["id"]), by=requester())
        if self.is_json:
            self.document(documents.of_operation(operation))
        elif operation.state == Operation.State.CANCELLED:
            self.say(f"The {operation} was cancelled before it began.")
        else:
            self.say(f"The {operation} was asked to end: “dlstack log {operation.pk} --follow” shows how it does.")
        return DONE
