"""`dlstack user-link`: print a link that signs somebody in, or proves that they are there."""  # noqa: N999 — a verb is named by its module

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from access import accounts
from stacks.management.links import add_address, link_for
from stacks.management.verb import DONE, Verb


class Command(Verb):
    help = "Print a one-time link for somebody: to sign in, or to paste where it is asked for."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        add_address(parser)

    def carry_out(self, options: dict[str, Any]) -> int:
        link = link_for(accounts.named(options["name"]), options["address"])
        if self.is_json:
            self.document({"name": options["name"], "link": link})
        self.say(link)
        return DONE
