"""`dlstack log`: the log of an operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from stacks import documents, logs
from stacks.logs import LogLine
from stacks.management.changing import STOPPED_LOOKING, as_text, how_to_look_again, status_of
from stacks.management.verb import DONE, Verb, operation_numbered
from stacks.models import Operation

STRIDE = 2000


class Command(Verb):
    help = "Print the log of an operation; with --follow until it has ended."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", type=int)
        parser.add_argument("--follow", action="store_true", help="wait for more until the operation has ended")

    def carry_out(self, options: dict[str, Any]) -> int:
        operation = operation_numbered(options["id"])
        if options["follow"]:
            return self._follow(operation)
        lines = _all(operation)
        if self.is_json:
            self.document({"operation": documents.of_operation(operation), "lines": [asdict(line) for line in lines]})
        else:
            for line in lines:
                self.say(as_text(line))
        return DONE

    def _follow(self, operation: Operation) -> int:
        lines = []
        try:
            for line in logs.follow(operation.pk):
                self.say(as_text(line))
                if self.is_json:
                    lines.append(asdict(line))
        except KeyboardInterrupt:
            self.stderr.write(how_to_look_again(operation))
            return STOPPED_LOOKING
        ended = operation_numbered(operation.pk)
        if self.is_json:
            self.document({"operation": documents.of_operation(ended), "lines": lines})
        return status_of(ended)


def _all(operation: Operation) -> Iterator[LogLine]:
    first, last = 1, logs.last_line(operation)
    while first <= last:
        yield from logs.read_lines(operation, first, min(last, first + STRIDE - 1))
        first += STRIDE
