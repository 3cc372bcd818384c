"""Environments that another group owns and updates: they are carried over, never installed (design §1)."""

from __future__ import annotations

from pathlib import Path

from stacks.engine.environments import Environment
from stacks.engine.errors import Refused
from stacks.engine.installers.base import Site


class External:
    """Keeps a place for an environment of somebody else; what lies there comes from the active version."""

    fields = ("owner", "source")
    needed = ("owner",)
    compiled_last = False

    def check(self, environment: Environment) -> None:
        """Look for the directory that the first copy is taken from, where the recipe names one."""
        if environment.source and not (environment.source.startswith("/") and Path(environment.source).is_dir()):
            raise Refused(
                f"{environment.path}: the first copy comes from {environment.source}, which is no directory of this "
                "machine: give an absolute path or leave “source” out."
            )

    def resolve(self, environment: Environment, site: Site) -> str:
        """Note who owns it; what it holds is the owner's business."""
        return f'owner = "{environment.owner}"\n'

    def install(self, environment: Environment, lockfile: str, site: Site) -> int:
        """Make nothing but an empty directory."""
        (site.building / environment.path).mkdir()
        return 0

    def packages(self, lockfile: str) -> None:
        """Tell nothing: its owner may change it at any time."""
