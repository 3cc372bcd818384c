"""Recipes: what was asked for, read from TOML into plain values (design §8)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from stacks.engine import environment_fields, sources, toml_lines
from stacks.engine.environments import Environment
from stacks.engine.errors import Refused
from stacks.engine.fields import Fields
from stacks.engine.installers import INSTALLERS
from stacks.engine.sources import Sources

Lists = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Option:
    """A choice on the build form, each change by environment.

    `add` goes to its packages, `pip` to its pip packages, `arguments` to its script's; `replace` swaps packages.
    """

    key: str
    title: str
    description: str = ""
    add: Lists = field(default_factory=dict)
    replace: dict[str, dict[str, str]] = field(default_factory=dict)
    pip: Lists = field(default_factory=dict)
    arguments: Lists = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is asked for: environments in the order in which they are installed, and options."""

    name: str
    description: str
    environments: tuple[Environment, ...]
    options: dict[str, Option]

    def with_options(self, keys: list[str]) -> Recipe:
        """Apply the named options in the recipe's order; raise Refused for one that the recipe does not have."""
        unknown = [key for key in keys if key not in self.options]
        if unknown:
            known = ", ".join(self.options) or "none"
            raise Refused(f"The recipe “{self.name}” has no option “{unknown[0]}”; it has: {known}.")
        chosen = [option for key, option in self.options.items() if key in keys]
        return replace(self, environments=tuple(_apply(environment, chosen) for environment in self.environments))


def parse(text: str, allowed: Sources | None = None) -> Recipe:
    """Read a recipe; raise Refused that names the field, its line and what is allowed.

    With `allowed` a recipe is refused that takes anything from elsewhere; what was sealed once is read without.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"The recipe is not valid TOML: {error}.") from None
    fields = Fields(table, "recipe", toml_lines.find(text))
    name = fields.text("name", pattern=environment_fields.KERNEL)
    description = fields.text("description", default="")
    items = fields.tables("environments", at_least=1)
    environments = tuple(environment_fields.read(item, INSTALLERS, allowed) for item in items)
    _check(environments, items)
    options = {key: _option(key, item, environments, allowed) for key, item in fields.named_tables("options").items()}
    fields.done()
    return Recipe(name, description, environments, options)


# What an option may change, and the field of an environment that must be there for it.
_CHANGES = {"add": "packages", "pip": "pip", "arguments": "arguments", "replace": "packages"}


def _option(key: str, fields: Fields, environments: tuple[Environment, ...], allowed: Sources | None) -> Option:
    lists = {change: _lists(change, fields) for change in ("add", "pip", "arguments")}
    swaps = {path: dict(fields.inner("replace").pairs(path)) for path in fields.keys_of("replace")}
    option = Option(
        key, fields.text("title", default=key), fields.text("description", default=""), replace=swaps, **lists
    )
    fields.done(*_CHANGES)
    for change, wanted in _CHANGES.items():
        for path in getattr(option, change):
            _check_path(fields.inner(change), path, wanted, environments)
            for place in _places(getattr(option, change)[path]) if change != "arguments" else ():
                environment_fields.check_place(fields.inner(change), path, place, allowed)
    return option


def _places(changes: tuple[str, ...] | dict[str, str]) -> Iterator[str]:
    for text in changes.values() if isinstance(changes, dict) else changes:
        yield from sources.places(text)


def _lists(change: str, fields: Fields) -> Lists:
    inner = fields.inner(change)
    return {path: inner.texts(path, options=change == "arguments") for path in fields.keys_of(change)}


def _check_path(fields: Fields, path: str, wanted: str, environments: Iterable[Environment]) -> None:
    by_path = {environment.path: environment for environment in environments}
    if path not in by_path:
        raise fields.refused(path, f"is no environment of this recipe; there are: {', '.join(by_path)}.")
    installer = by_path[path].installer
    if wanted not in INSTALLERS[installer].fields:
        raise fields.refused(path, f"has the installer {installer}, which takes no {wanted}.")


def _check(environments: tuple[Environment, ...], items: list[Fields]) -> None:
    paths: set[str] = set()
    for environment, item in zip(environments, items, strict=True):
        if environment.path in paths:
            raise item.refused("path", f"is “{environment.path}” in two environments: each needs its own.")
        paths.add(environment.path)
    running = [item for environment, item in zip(environments, items, strict=True) if environment.jupyter]
    if len(running) > 1:
        raise running[1].refused("jupyter", "is true in more than one environment: only one can run Jupyter.")


def _apply(environment: Environment, options: list[Option]) -> Environment:
    path = environment.path
    swaps: dict[str, Any] = {}
    for option in options:
        swaps |= option.replace.get(path, {})
    return replace(
        environment,
        packages=_changed(environment.packages, swaps, [option.add.get(path, ()) for option in options]),
        pip=_changed(environment.pip, swaps, [option.pip.get(path, ()) for option in options]),
        arguments=_changed(environment.arguments, {}, [option.arguments.get(path, ()) for option in options]),
    )


def _changed(asked: tuple[str, ...], swaps: dict[str, str], more: list[tuple[str, ...]]) -> tuple[str, ...]:
    result = [swaps.get(item, item) for item in asked]
    for items in more:
        result += [item for item in items if item not in result]
    return tuple(result)
