"""`dlstack build`: make a new version from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Command(ChangingVerb):
    help = "Build a new version from a recipe, without touching production."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("recipe", metavar="RECIPE")
        parser.add_argument("--name", help="the version's name; today's date when left out")
        parser.add_argument("--option", metavar="O", action="append", default=[], help="an option of the recipe")
        parser.add_argument("--kernel-dir", metavar="D", default="", help="a directory of kernelspecs to install")
        parser.add_argument("--strategy", metavar="S", default="", help="how the build sees its tree at the live path")
        parser.add_argument("--deploy", action="store_true", help="deploy the version when it is built")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return operations.build(
            machine=machine,
            recipe_name=options["recipe"],
            name=options["name"],
            options=options["option"],
            kernel_dir=options["kernel_dir"] and str(Path(options["kernel_dir"]).absolute()),
            strategy=options["strategy"],
            deploy=options["deploy"],
            requested_by=requester(),
            reason=options["reason"],
        )
