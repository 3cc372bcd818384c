"""`dlstack prepare`: bring a shared database, and if asked this machine, to where the parts of DLStack can run."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from stacks.embedded.bootstrap import bootstrap, prepare_control_plane
from stacks.management.verb import DONE, Verb


class Command(Verb):
    help = "Prepare the database and the static files, before the parts start and after every upgrade; repeatable."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--here",
            action="store_true",
            help="also make the root of this machine ready, and add it as DLSTACK_MACHINE",
        )

    def carry_out(self, options: dict[str, Any]) -> int:
        if options["here"]:
            bootstrap(tell=self.say)
        prepare_control_plane(tell=self.say)
        machines = [settings.DLSTACK.machine] if options["here"] else []
        self.document({"prepared": True, "machines": machines}) if self.is_json else self.say("Ready.")
        return DONE
