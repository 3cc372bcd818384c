"""Importing a conda environment.yml: the text of a recipe with one conda environment."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from stacks.engine import recipe
from stacks.engine.errors import Refused

LARGEST = 256 * 1024  # characters
_KNOWN = {"name", "channels", "dependencies", "variables", "prefix"}
_PLAIN_PYTHON = re.compile(r"(?:\S+::)?python\s*={1,2}\s*(3(?:\.\d+){0,2})(?:\.\*)?")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")
# Channels whose packages depend on the tool's own settings: a recipe names what it takes.
_IMPLIED = {"nodefaults"}


@dataclass
class _Found:
    """What the file asks for, and what of it a recipe does not carry over."""

    name: str
    python: str = ""
    channels: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def convert(text: str, *, path: str = "anaconda3") -> str:
    """Give the text of the recipe that an environment.yml asks for, its one environment at `path`.

    What a recipe cannot carry over stands in comments. Raises Refused that names the entry and what is allowed.
    """
    found = _read(_load(text))
    written = _write(found, path)
    recipe.parse(written)
    return written


def _load(text: str) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise Refused(f"The file is too large for an environment.yml: {LARGEST:,} characters at most.")
    try:
        # An alias can make a short text endless; environment files have none.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise Refused("The environment.yml has YAML aliases (*name): write out what they stand for.")
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f", line {place.line + 1}" if place else ""
        raise Refused(
            f"The environment.yml is not valid YAML{line}: {getattr(error, 'problem', '') or error}"
        ) from None
    if not isinstance(loaded, dict) or "dependencies" not in loaded:
        raise Refused("This is no conda environment.yml: it needs a list “dependencies”.")
    return loaded


def _read(loaded: dict[str, Any]) -> _Found:
    unknown = [str(key) for key in loaded if key not in _KNOWN]
    if unknown:
        raise Refused(f"environment.yml: “{unknown[0]}” is not known; allowed is {', '.join(sorted(_KNOWN))}.")
    found = _Found(
        _NOT_IN_A_NAME.sub("-", str(loaded.get("name") or "imported").lower()).strip("-._")[:64] or "imported"
    )
    found.channels = [channel for channel in _texts(loaded, "channels") if channel not in _IMPLIED]
    for number, entry in enumerate(_list(loaded, "dependencies"), 1):
        _dependency(entry, number, found)
    found.left_out += [f"{key}: not carried over" for key in ("variables", "prefix") if loaded.get(key)]
    return found


def _dependency(entry: object, number: int, found: _Found) -> None:
    if isinstance(entry, dict) and list(entry) == ["pip"]:
        for item in _texts(entry, "pip"):
            _pip(item, found)
    elif not isinstance(entry, str):
        raise Refused(f"environment.yml: dependency {number} must be a string or “pip:” with a list.")
    elif plain := _PLAIN_PYTHON.fullmatch(entry.strip()):
        found.python = plain[1]
    elif entry.strip() == "pip":
        found.left_out.append("pip: uv installs the pip packages")
    else:
        found.packages.append(entry.strip())


def _pip(item: str, found: _Found) -> None:
    if item.startswith("-"):
        raise Refused(f"environment.yml: the pip entry “{item}” is an option: list the packages themselves.")
    found.pip.append(item)


def _list(table: dict[str, Any], key: str) -> list[object]:
    value = table.get(key) or []
    if not isinstance(value, list):
        raise Refused(f"environment.yml: “{key}” must be a list.")
    return value


def _texts(table: dict[str, Any], key: str) -> list[str]:
    values = _list(table, key)
    for number, value in enumerate(values, 1):
        if not isinstance(value, str):
            raise Refused(f"environment.yml: entry {number} of “{key}” must be a string.")
    return [str(value).strip() for value in values]


def _write(found: _Found, path: str) -> str:
    lines = [f"name = {_quoted(found.name)}", 'description = "Imported from a conda environment.yml."', ""]
    lines += [f"# {item}".replace("\n", " ") for item in found.left_out]
    lines += ["[[environments]]", f"path = {_quoted(path)}", 'installer = "conda"']
    lines += [f"python = {_quoted(found.python)}"] if found.python else []
    for key in ("channels", "packages", "pip"):
        lines += _spelled(key, getattr(found, key))
    named = {re.split(r"[^A-Za-z0-9_.-]", item.rsplit("::", 1)[-1])[0].lower() for item in found.packages + found.pip}
    if "jupyterlab" in named or "notebook" in named:
        lines.append("jupyter = true")
    if "ipykernel" in named or "jupyterlab" in named or "notebook" in named:
        display = f"Python 3 ({found.name})"
        lines += ["", "[[environments.kernelspecs]]", 'name = "python3"', f"display_name = {_quoted(display)}"]
    return "\n".join(lines) + "\n"


def _spelled(key: str, values: list[str]) -> list[str]:
    if not values:
        return []
    return [f"{key} = [", *(f"    {_quoted(value)}," for value in values), "]"]


def _quoted(text: str) -> str:
    # A JSON string is a TOML string, but for the one control character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
