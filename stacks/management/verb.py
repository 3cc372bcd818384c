"""What every verb of the command line has in common: exit statuses, --json, --machine, following an operation."""

from __future__ import annotations

import json
import sys
from argparse import SUPPRESS
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.roles import OPERATE
from stacks import ansi
from stacks.embedded import bootstrap
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation

DONE, FAILED, REFUSED = 0, 1, 2


class Verb(BaseCommand):
    """One verb: `arguments` declares what it takes, `carry_out` does it and gives the exit status.

    Refused becomes one line on stderr and the status 2; so do arguments that cannot be read.
    """

    requires_system_checks = ()
    suppressed_base_arguments = {
        "--version",
        "--verbosity",
        "--settings",
        "--pythonpath",
        "--traceback",
        "--no-color",
        "--force-color",
        "--skip-checks",
    }
    takes_machine = True
    needs_home = True  # with its own database and services, where no others are named

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Make the parser; its errors are raised, so that they come out in one line."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.called_from_command_line = False
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from the command line and exit with the verb's status."""
        try:
            super().run_from_argv(argv)
        except CommandError as error:
            sys.exit(self._refuse(str(error).removeprefix("Error: ")))

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what all verbs take, then what this one takes."""
        parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
        if self.takes_machine:
            parser.add_argument("--machine", metavar="M", help="the machine; may be left out where there is one")
        else:
            parser.add_argument("--machine", help=SUPPRESS)
        self.arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Carry the verb out; always ends in SystemExit unless the status is 0."""
        self.is_json = bool(options["json"])
        try:
            if self.needs_home and settings.DLSTACK.is_embedded:
                bootstrap(tell=_ignore)
            status = self.carry_out(options)
        except Refused as refusal:
            status = self._refuse(str(refusal))
        except BrokenPipeError:  # the reader has seen enough
            sys.stderr.close()
            status = DONE
        if status != DONE:
            sys.exit(status)

    def arguments(self, parser: CommandParser) -> None:
        """Declare the verb's own arguments."""

    def carry_out(self, options: dict[str, Any]) -> int:
        """Do it and give the exit status."""
        raise NotImplementedError

    def document(self, document: Any) -> None:
        """Print a JSON document."""
        self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))

    def say(self, text: str) -> None:
        """Print a line for people, without what a terminal would obey; nothing with --json."""
        if not self.is_json:
            self.stdout.write("\n".join(map(ansi.strip, text.split("\n"))))
            self.stdout.flush()

    def table(self, rows: list[tuple[str, ...]]) -> None:
        """Print rows in columns, the first row as their names; nothing with --json."""
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def _refuse(self, message: str) -> int:
        self.stderr.write(" ".join(ansi.strip(message).split()))
        return REFUSED


def machine_named(name: str | None) -> Machine:
    """Find the machine: the named one, or the only one; raises Refused that lists them."""
    machines = {machine.name: machine for machine in Machine.objects.all()}
    if name is None and len(machines) == 1:
        return next(iter(machines.values()))
    if name is None and machines:
        raise Refused(f"Say which machine with --machine; there are: {', '.join(machines)}.")
    if name in machines:
        return machines[name]
    raise Refused(
        f"There is no machine “{name or settings.DLSTACK.machine}”; there are: {', '.join(machines) or 'none'}."
    )


def operation_numbered(number: int) -> Operation:
    """Find an operation by its id; raises Refused when there is none."""
    found = Operation.objects.select_related("machine", "requested_by").filter(pk=number).first()
    if found is None:
        raise Refused(f"There is no operation {number}: “dlstack operations” lists them.")
    return found


def requester(right: str = OPERATE) -> User | None:
    """Give the account with the name of who types, where that has the right; else None, which is the machine itself.

    Who types here can read the secret key and write the database: to refuse them would protect nothing.
    """
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without an account
        return None
    user = User.objects.filter(username=name).first()
    return user if user is not None and user.has_perm(right) else None


def _ignore(line: str) -> None:
    """Take what is told while a home is set up; a verb prints only its own answer."""


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
