"""Holding the guests of one build to the machine's terms: what they may take, reach and know."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from stacks.engine import limits, sandbox, sources, vault
from stacks.engine.addresses import literal
from stacks.engine.environments import Environment
from stacks.engine.errors import Refused
from stacks.engine.gate import Gate
from stacks.engine.grounds import Guard
from stacks.engine.recipe import Recipe
from stacks.engine.watch import Watch
from stacks.plans.base import Context


class Hosting:
    """Everything that watches the guests of one build, from its first step to its last; `end` lets go of it."""

    def __init__(self, context: Context, recipe: Recipe, *, in_sandbox: bool) -> None:
        terms = context.terms
        self._context = context
        self._limits = terms.limits
        self._watch = Watch(terms.limits, time.monotonic() + terms.limits.seconds, context.layout.root)
        self._tasks = limits.hard_tasks(terms.limits, context.owner.uid)
        self._machines = vault.of_machine(os.environ)
        self._learn(self._machines)
        named = [place for environment in recipe.environments for _, place in sources.named(environment)]
        self._sources = terms.sources.with_ports_of(named)
        check_places(recipe, self._sources)
        self._shares_network = terms.shares_network or not (in_sandbox and sandbox.parts_network())
        self._held = ExitStack()
        self._gate: Gate | None = None
        if self._shares_network and in_sandbox:
            context.tell("warning", "This build shares the machine's network: it reaches this machine's own services.")
        if not self._shares_network:
            self._gate = self._held.enter_context(Gate(self._sources, lambda text: context.tell("warning", text)))

    def guard(self, environment: Environment, inputs: Path) -> Guard:
        """Make the guard for the guests of one environment; its secrets are learned, so that logs do not show them."""
        secrets = vault.read(self._context.terms.secrets, environment.secrets)
        for secret in secrets:
            self._learn(secret)
        place = inputs / f"netrc-{environment.path}"
        place.unlink(missing_ok=True)
        return Guard(
            silence=self._limits.silence,
            look=self._watch.look,
            mask=self._context.mask,
            tasks=self._tasks,
            gate=self._gate,
            shares_network=self._shares_network,
            netrc=vault.hand_over([*secrets, self._machines], place, self._context.owner),
        )

    def _learn(self, secret: vault.Secret) -> None:
        for value in secret.values:
            self._context.mask.learn(value)

    def end(self) -> None:
        """Let no guest out any more."""
        self._held.close()


def check_places(recipe: Recipe, allowed: sources.Sources) -> None:
    """Raise Refused for an URL whose name leads where a build must not go."""
    for environment in recipe.environments:
        for field, place in sources.named(environment):
            host = urlsplit(place).hostname if not place.startswith("/") else None
            if host and literal(host) is None and (problem := _problem(host, urlsplit(place).port or 443, allowed)):
                raise Refused(f"{environment.path}: “{field}” has “{place}”, which {problem}")


def _problem(host: str, port: int, allowed: sources.Sources) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""  # perhaps the machine's proxy knows it; if not, whoever asks for it says so
    addresses = [address for *_, place in found if (address := literal(str(place[0])))]
    return allowed.reach_problem(host, port, addresses)
