"""Verbs that change a machine: submit, follow the log, end with the operation's outcome."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import transaction

from stacks import documents, embedded, logs, operations
from stacks.engine.errors import Failed
from stacks.logs import LogLine, plain
from stacks.management.verb import DONE, FAILED, REFUSED, Verb, machine_named, operation_numbered
from stacks.models import Machine, Operation

STOPPED_LOOKING = 130  # as shells say it of Ctrl-C
_MARKS = {"step": "── ", "command": "$ ", "warning": "warning: ", "error": "error: "}


class ChangingVerb(Verb):
    """A verb that submits an operation; `submit` does it."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what all verbs take that change a machine."""
        super().add_arguments(parser)
        parser.add_argument("--reason", default="", help="why, for the record")
        parser.add_argument("--detach", action="store_true", help="print the operation's id and do not wait for it")
        parser.add_argument("--dry-run", action="store_true", help="print what would be done, and change nothing")

    def carry_out(self, options: dict[str, Any]) -> int:
        """Check, make sure that workers run, submit, and follow unless told not to."""
        machine = machine_named(options["machine"])
        if options["dry_run"]:
            return self._show(self._tried(machine, options))
        if settings.DLSTACK.is_embedded and not embedded.is_running():
            self._tried(machine, options)  # what would be refused starts nothing
        try:
            embedded.ensure_running()
        except Failed as error:
            self.stderr.write(str(error))
            return FAILED
        operation = self.submit(machine, options)
        if options["detach"]:
            self.document({"id": operation.pk}) if self.is_json else self.say(str(operation.pk))
            return DONE
        return self.follow(operation)

    def _tried(self, machine: Machine, options: dict[str, Any]) -> Operation:
        """Submit the operation and take it back; raises Refused as the submission does."""
        with transaction.atomic():
            operation = self.submit(machine, options)
            transaction.set_rollback(True)
        return operation

    def _show(self, operation: Operation) -> int:
        plan = operations.preview(machine=operation.machine, kind=operation.kind, parameters=operation.parameters)
        steps = [{"name": step.name, "title": step.title, "explains": step.explains} for step in plan.steps]
        if self.is_json:
            self.document({"kind": plan.kind, "summary": plan.summary, "steps": steps})
        self.say(plan.summary)
        for step in steps:
            self.say(f"  {step['title']}: {step['explains']}")
        return DONE

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        """Submit the operation; raises Refused."""
        raise NotImplementedError

    def follow(self, operation: Operation) -> int:
        """Print the log until the operation has ended, then those that it submitted; give the exit status."""
        try:
            ended = self.followed(operation)
        except KeyboardInterrupt:
            self.stderr.write(how_to_look_again(operation))
            return STOPPED_LOOKING
        if self.is_json:
            self.document(
                {**documents.of_operation(ended[0]), "children": [documents.of_operation(child) for child in ended[1:]]}
            )
        return max(status_of(operation) for operation in ended)

    def followed(self, operation: Operation) -> list[Operation]:
        """Print the log of an operation and of those that it submitted; give them as they ended."""
        for line in logs.follow(operation.pk):
            self.say(as_text(line))
        ended = operation_numbered(operation.pk)
        self.say(f"{ended.kind} #{ended.pk} {ended.state}: {ended.message}")
        if not self.is_json and ended.state != Operation.State.SUCCEEDED:
            self.stderr.write(ended.message)
        followed = [self.followed(child) for child in ended.children.order_by("pk")]
        return [ended, *(operation for part in followed for operation in part)]


def add_choices(parser: CommandParser) -> None:
    """Declare what may be chosen when a version becomes active."""
    parser.add_argument(
        "--externals", choices=("current", "sealed"), default="current",
        help="external environments stay as they are now, or come back as they were sealed",
    )  # fmt: skip
    parser.add_argument("--pause", action="store_true", help="stop the machine's services while the link moves")
    parser.add_argument("--override-health", action="store_true", help="go on although a required kernel is dead")


def choices_of(options: dict[str, Any]) -> operations.Choices:
    """Read what was chosen."""
    return operations.Choices(
        externals=options["externals"], override_health=options["override_health"], pause=options["pause"]
    )


def status_of(operation: Operation) -> int:
    """Give the exit status for an operation that ended; one whose plan refused was never begun."""
    if operation.state != Operation.State.SUCCEEDED:
        return REFUSED if operation.outcome.get("refused") else FAILED
    asked_for_more = operation.parameters.get("deploy", False)
    return FAILED if asked_for_more and not operation.children.exists() else DONE


def as_text(line: LogLine) -> str:
    """Write a line of a log for a terminal: colours only where there is one."""
    text = line.text if sys.stdout.isatty() else plain(line.text)
    return f"{_MARKS.get(line.kind, '')}{text}"


def how_to_look_again(operation: Operation) -> str:
    """Say that an operation goes on, and how to see or end it."""
    number = operation.pk
    return f"Operation #{number} goes on: “dlstack log {number} --follow” shows it, “dlstack cancel {number}” ends it."
