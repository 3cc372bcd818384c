"""Recipes: what was asked for, read from TOML into plain values (design §8)."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from typing import Any

from stacks.engine.environments import Environment, Kernelspec
from stacks.engine.errors import Refused
from stacks.engine.fields import Fields
from stacks.engine.installers import INSTALLERS

_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KERNEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Option:
    """A choice on the build form: what it adds to or replaces in the environments' packages."""

    key: str
    title: str
    description: str = ""
    add: dict[str, tuple[str, ...]] = field(default_factory=dict)
    replace: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is asked for: environments in the order in which they are installed, and options."""

    name: str
    description: str
    environments: tuple[Environment, ...]
    options: dict[str, Option]

    def with_options(self, keys: list[str]) -> Recipe:
        """Apply the named options; raise Refused for one that the recipe does not have."""
        unknown = [key for key in keys if key not in self.options]
        if unknown:
            known = ", ".join(self.options) or "none"
            raise Refused(f"The recipe “{self.name}” has no option “{unknown[0]}”; it has: {known}.")
        chosen = [self.options[key] for key in keys]
        return replace(self, environments=tuple(_apply(environment, chosen) for environment in self.environments))


def parse(text: str) -> Recipe:
    """Read a recipe; raise Refused that names the field (or the line, for bad TOML) and what is allowed."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"The recipe is not valid TOML: {error}.") from None
    fields = Fields(table, "recipe")
    name = fields.text("name", pattern=_KERNEL)
    description = fields.text("description", default="")
    environments = tuple(_environment(item) for item in fields.tables("environments", at_least=1))
    options = {key: _option(key, item) for key, item in fields.named_tables("options").items()}
    fields.done()
    _check(environments, options)
    return Recipe(name, description, environments, options)


def _environment(fields: Fields) -> Environment:
    environment = Environment(
        path=fields.text("path", pattern=_ENVIRONMENT),
        installer=fields.choice("installer", tuple(INSTALLERS)),
        python=fields.text("python", default="3", pattern=re.compile(r"3(\.\d{1,2}){0,2}")),
        packages=fields.texts("packages"),
        index=fields.text("index", default=""),
        find_links=fields.texts("find_links"),
        jupyter=fields.flag("jupyter"),
        kernelspecs=tuple(_kernelspec(item) for item in fields.tables("kernelspecs")),
    )
    fields.done()
    return environment


def _kernelspec(fields: Fields) -> Kernelspec:
    kernelspec = Kernelspec(
        fields.text("name", pattern=_KERNEL), fields.text("display_name"), fields.text("language", default="python")
    )
    fields.done()
    return kernelspec


def _option(key: str, fields: Fields) -> Option:
    add = {path: fields.inner("add").texts(path) for path in fields.keys_of("add")}
    swaps = {path: dict(fields.inner("replace").pairs(path)) for path in fields.keys_of("replace")}
    option = Option(key, fields.text("title", default=key), fields.text("description", default=""), add, swaps)
    fields.done("add", "replace")
    return option


def _check(environments: tuple[Environment, ...], options: dict[str, Option]) -> None:
    paths = [environment.path for environment in environments]
    for path in paths:
        if paths.count(path) > 1:
            raise Refused(f"Two environments have the path “{path}”: each needs its own.")
    for option in options.values():
        for path in [*option.add, *option.replace]:
            if path not in paths:
                raise Refused(f"options.{option.key} names the environment “{path}”; there are: {', '.join(paths)}.")
    if sum(environment.jupyter for environment in environments) > 1:
        raise Refused("More than one environment has jupyter = true: only one can run Jupyter.")


def _apply(environment: Environment, options: list[Option]) -> Environment:
    packages: list[str] = list(environment.packages)
    for option in options:
        swaps: dict[str, Any] = option.replace.get(environment.path, {})
        packages = [swaps.get(package, package) for package in packages]
        packages += [package for package in option.add.get(environment.path, ()) if package not in packages]
    return replace(environment, packages=tuple(packages))
