"""The verb `recipe-import`; the module in `commands` has the hyphen in its name, which no import can have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from access.roles import RECIPES
from stacks import recipes
from stacks.management.verb import DONE, Verb, requester


class Command(Verb):
    """Add a recipe, or a new revision of one, from a TOML file."""

    help = "Add a recipe, or a new revision of one, from a TOML file."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        """Declare the file."""
        parser.add_argument("file", metavar="FILE", type=Path)

    def carry_out(self, options: dict[str, Any]) -> int:
        """Import it and say which revision it is."""
        revision = recipes.import_file(options["file"], by=requester(RECIPES))
        if self.is_json:
            self.document({"recipe": revision.recipe.name, "revision": revision.number})
        else:
            self.say(f"{revision.recipe.name} is at revision {revision.number}.")
        return DONE
