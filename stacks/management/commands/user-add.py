"""`dlstack user-add`: add somebody, and print the link that signs them in."""  # noqa: N999 — a verb is named by its module

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from access import accounts
from access.roles import PEOPLE, Role
from stacks.management.links import add_address, link_for
from stacks.management.verb import DONE, Verb, requester


class Command(Verb):
    help = "Add an account without a password, and print a one-time link that signs in to it."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--role", default=Role.VIEWER, help="viewer, operator or admin (viewer)")
        add_address(parser)

    def carry_out(self, options: dict[str, Any]) -> int:
        user = accounts.add(name=options["name"], role=options["role"], by=requester(PEOPLE))
        link = link_for(user, options["address"])
        if self.is_json:
            self.document({"name": user.get_username(), "role": options["role"], "link": link})
        self.say(f"{user} is {options['role']}. Signs in once, within half an hour:\n{link}")
        return DONE
