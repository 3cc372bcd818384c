"""The verbs `kernel-install` and `kernel-remove`; the modules in `commands` have hyphens in their names."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from kernels import requests
from stacks.management.changing import ChangingVerb
from stacks.management.verb import requester
from stacks.models import Machine, Operation


class Install(ChangingVerb):
    """Bring a kernelspec into what users run."""

    help = "Install a kernelspec of the library, or publish an environment as one, for all users, in seconds."

    def arguments(self, parser: CommandParser) -> None:
        """Declare the kernelspec's name, and what publishing an environment takes."""
        parser.add_argument("kernel", metavar="NAME")
        parser.add_argument("--environment", metavar="E", default="", help="publish this environment under NAME")
        parser.add_argument("--display-name", metavar="TEXT", default="", help="what users see, for --environment")
        parser.add_argument("--language", default="python", help="of the environment (python)")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        """Submit the installation; raises Refused."""
        published = bool(options["environment"])
        return requests.install(
            machine=machine,
            kernel=options["kernel"],
            environment=options["environment"],
            display_name=(options["display_name"] or options["kernel"]) if published else "",
            language=options["language"] if published else "",
            requested_by=requester(),
            reason=options["reason"],
        )


class Remove(ChangingVerb):
    """Take a kernelspec away from what users run."""

    help = "Remove a kernelspec from what users run; kernels that run go on."

    def arguments(self, parser: CommandParser) -> None:
        """Declare the kernelspec's name."""
        parser.add_argument("kernel", metavar="NAME")

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        """Submit the removal; raises Refused."""
        return requests.remove(
            machine=machine, kernel=options["kernel"], requested_by=requester(), reason=options["reason"]
        )
