"""Environments from a Python package index: a virtual environment made and filled by uv."""

from __future__ import annotations

from stacks.engine.environments import Environment
from stacks.engine.installers import index
from stacks.engine.installers.base import Site


class Venv:
    """Makes a virtual environment; the lockfile is a requirements file with hashes."""

    fields = ("python", "packages", "index", "find_links", "secrets")
    needed = ()
    compiled_last = True

    def check(self, environment: Environment) -> None:
        """Look for the recipe's own package directories."""
        index.local(environment)

    def resolve(self, environment: Environment, site: Site) -> str:
        """Let uv resolve the packages for the recipe's Python, hashes included."""
        return index.lock(environment, environment.packages, ("--python", index.interpreter(environment, site)), site)

    def install(self, environment: Environment, lockfile: str, site: Site) -> int:
        """Make the environment and install what the lockfile says, hashes checked."""
        index.make(environment, site)
        index.install(environment, lockfile, site)
        return 0

    def packages(self, lockfile: str) -> dict[str, str]:
        """Read the pins."""
        return index.pins(lockfile)
