"""`dlstack user-set`: another role, shut out, let in again, signed out everywhere."""  # noqa: N999 — a verb is named by its module

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from access import accounts, roles
from access.roles import PEOPLE
from stacks.engine.errors import Refused
from stacks.management.verb import DONE, Verb, requester


class Command(Verb):
    help = "Change somebody's account: its role, whether it is open, its sessions."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--role", help="viewer, operator or admin")
        either = parser.add_mutually_exclusive_group()
        either.add_argument("--close", action="store_true", help="shut out: no sign-in, no session, no token")
        either.add_argument("--open", action="store_true", help="let in again")
        parser.add_argument("--sign-out", action="store_true", help="end all sessions")

    def carry_out(self, options: dict[str, Any]) -> int:
        user, by = accounts.named(options["name"]), requester(PEOPLE)
        if not any(options[name] for name in ("role", "close", "open", "sign_out")):
            raise Refused("Say what to change: --role, --close, --open or --sign-out.")
        if options["role"]:
            accounts.give(user=user, role=options["role"], by=by)
        if options["close"]:
            accounts.close(user=user, by=by)
        if options["open"]:
            accounts.reopen(user=user, by=by)
        if options["sign_out"]:
            accounts.sign_out_everywhere(user=user, by=by)
        now = accounts.named(options["name"])
        if self.is_json:
            self.document({"name": now.get_username(), "role": roles.of(now), "open": now.is_active})
        self.say(f"{now} is {roles.of(now) or 'without a role'}." if now.is_active else f"The account {now} is closed.")
        return DONE
