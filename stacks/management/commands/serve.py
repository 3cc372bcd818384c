"""`dlstack serve`: run one part of DLStack in the foreground, for systemd and containers."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from stacks.embedded.home import prepare_home
from stacks.embedded.services import service
from stacks.engine.errors import Refused
from stacks.management.verb import DONE, Verb

PARTS = ("web", "beat", "build", "live")


class Command(Verb):
    help = "Run one part in the foreground: the pages, the clock, or the worker of a lane; for systemd and containers."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("part", choices=PARTS, help=", ".join(PARTS))

    def carry_out(self, options: dict[str, Any]) -> int:
        if settings.DLSTACK.is_embedded:
            raise Refused("DATABASE_URL and REDIS_URL are not set, so nothing could reach this part: use `dlstack up`.")
        prepare_home(settings.DLSTACK)
        found = service(settings.DLSTACK, options["part"])
        os.environ.update(found.variables)
        os.execv(found.command[0], found.command)  # noqa: S606 — no shell is wanted
        return DONE
