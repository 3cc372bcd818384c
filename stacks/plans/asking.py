"""What a build or a solve was asked for: recipe, options and lockfile, given or read from a sealed version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from stacks.engine import recipe, vault, versions
from stacks.engine.build import Building
from stacks.engine.environments import Environment
from stacks.engine.errors import Refused
from stacks.engine.installers import INSTALLERS
from stacks.engine.layout import Layout, check_new_name
from stacks.engine.terms import Terms
from stacks.plans.base import Context


def building(context: Context) -> Building:
    """Read what to build: `recipe_text` and `options`, or of the version `like` both and its lockfile.

    A `lockfile`, {environment: text}, takes the place of resolving. Raises Refused for what cannot be built.
    """
    name = check_new_name(context.parameters["version"])
    asked = _with_like(context.layout, context.parameters)
    read = without_name(asked, context.terms)
    read.name, read.generation = name, int(asked["generation"])
    read.kernel_dir = _kernel_dir(asked.get("kernel_dir", ""), context.terms)
    read.lockfile = _lockfile(asked, read.recipe.environments)
    return read


def without_name(asked: dict[str, Any], terms: Terms) -> Building:
    """Read recipe and options; raises Refused for those that are bad, or that ask for what this machine has not."""
    options = list(asked.get("options", []))
    parsed = recipe.parse(asked["recipe_text"], terms.sources).with_options(options)
    for environment in parsed.environments if terms.sees_secrets else ():
        vault.read(terms.secrets, environment.secrets)
    return Building("", 0, parsed, asked["recipe_text"], int(asked.get("revision", 0)), options)


def _with_like(layout: Layout, asked: dict[str, Any]) -> dict[str, Any]:
    if not asked.get("like"):
        return asked
    like = versions.need_sealed(layout, asked["like"])
    if not (like.recipe_text and like.lockfile):
        raise Refused(
            f"“{like.name}” was not built from a recipe here: nothing says what it was resolved to, so it cannot be "
            "rebuilt. Build from a recipe instead."
        )
    return asked | {
        "recipe_text": like.recipe_text,
        "options": like.options,
        "revision": like.revision,
        "lockfile": like.lockfile,
    }


def _lockfile(asked: dict[str, Any], environments: tuple[Environment, ...]) -> dict[str, str]:
    given = asked.get("lockfile") or {}
    if not given:
        return {}
    for environment in environments:
        text = given.get(environment.path)
        if not isinstance(text, str):
            raise Refused(
                f"The lockfile has nothing for the environment “{environment.path}”: it has {', '.join(given)}. "
                "Give the lockfile of a version built from this recipe, or build without one."
            )
        INSTALLERS[environment.installer].packages(text)
    return {environment.path: given[environment.path] for environment in environments}


def _kernel_dir(path: str, terms: Terms) -> str:
    if path and terms.sources.is_closed(Path(os.path.realpath(path))):
        raise Refused(f"{path} is closed to builds: it holds what is DLStack's or the machine's own.")
    if path and not (path.startswith("/") and Path(path).is_dir()):
        raise Refused(f"The kernelspec directory {path} does not exist on this machine: give an absolute path.")
    return path
