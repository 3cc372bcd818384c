"""Reading one environment of a recipe: the fields that its installer knows, each with what it may hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from stacks.engine import sources, vault
from stacks.engine.environments import Environment, Kernelspec
from stacks.engine.fields import Fields
from stacks.engine.sources import Sources

KERNEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PYTHON = re.compile(r"3(\.\d{1,2}){0,2}")
# Nothing in front of an @: a password in a recipe would be read by everybody.
_CHANNEL = re.compile(r"https?://[^\s@]+|file:///\S+|/\S+|[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_SOURCE = re.compile(r"https://[^\s@:/]+(:\d+)?/[^\s@]+|ssh://([A-Za-z0-9._-]+@)?[A-Za-z0-9][^\s@:]*(:\d+)?/\S+|/\S+")
_REF = re.compile(r"(?!.*(\.\.|@\{|//|\.lock(/|$)))[A-Za-z0-9][A-Za-z0-9._/+@-]{0,200}(?<![./])")
_SCRIPT = re.compile(r"(?!.*(^|/)\.\.?(/|$))[A-Za-z0-9._][A-Za-z0-9._+/-]*(?<!/)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What it may name besides is said by the machine's settings (`sources`).
_PLACE = re.compile(r"https?://\S+|file:/\S+|/\S*")
_OWNER = re.compile(r"[1-9]\d{0,9}:[1-9]\d{0,9}")
_PLACES = "https://…, file:///… or an absolute path"


class Known(Protocol):
    """An installer, as far as reading goes: the fields of an environment that it takes, and those that it needs."""

    @property
    def fields(self) -> tuple[str, ...]: ...

    @property
    def needed(self) -> tuple[str, ...]: ...


def read(fields: Fields, installers: Mapping[str, Known], allowed: Sources | None = None) -> Environment:
    """Read an environment; raise Refused for a field that its installer does not take.

    With `allowed` also for a place that it may not take anything from.
    """
    path = fields.text("path", pattern=_PATH, allowed="letters, digits, “.”, “_” and “-”, 64 at most")
    installer = fields.choice("installer", tuple(installers))
    jupyter = fields.flag("jupyter")
    kernelspecs = tuple(_kernelspec(item) for item in fields.tables("kernelspecs"))
    own = {key: _READERS[key](fields) for key in installers[installer].fields}
    fields.done()
    for key in installers[installer].needed:
        if not own[key]:
            raise fields.refused(key, f"is missing: the installer {installer} needs it.")
    environment = Environment(path, installer, jupyter=jupyter, kernelspecs=kernelspecs, **own)
    for key, place in sources.named(environment) if allowed else ():
        check_place(fields, key, place, allowed)
    return environment


def check_place(fields: Fields, key: str, place: str, allowed: Sources | None) -> None:
    """Raise Refused, at its line, for a URL or path that a recipe may not take anything from."""
    if allowed and (problem := allowed.problem(place)):
        raise fields.refused(key, f"has “{place}”, which {problem}")


def _kernelspec(fields: Fields) -> Kernelspec:
    kernelspec = Kernelspec(
        fields.text("name", pattern=KERNEL),
        fields.text("display_name"),
        fields.text("language", default="python"),
        fields.flag("required", default=True),
    )
    fields.done()
    return kernelspec


def _variables(fields: Fields) -> tuple[tuple[str, str], ...]:
    for name in fields.keys_of("variables"):
        if not _VARIABLE.fullmatch(name):
            raise fields.inner("variables").refused(name, "cannot name a variable: use letters, digits and “_”.")
    return tuple(fields.pairs("variables"))


_READERS: dict[str, Callable[[Fields], Any]] = {
    "python": lambda fields: fields.text(
        "python", default="3", pattern=_PYTHON, allowed="a version of Python 3, for example 3.11"
    ),
    "packages": lambda fields: fields.texts("packages"),
    "pip": lambda fields: fields.texts("pip"),
    "index": lambda fields: fields.text("index", default="", pattern=_PLACE, allowed=_PLACES),
    "find_links": lambda fields: fields.texts("find_links", pattern=_PLACE, allowed=_PLACES),
    "secrets": lambda fields: fields.texts(
        "secrets", pattern=vault.NAME, allowed="small letters, digits, “.”, “_” and “-”, 64 at most"
    ),
    "channels": lambda fields: fields.texts(
        "channels",
        pattern=_CHANNEL,
        allowed="a channel's name, https://…, http://…, file:///… or an absolute path, without user and password",
    ),
    "source": lambda fields: fields.text(
        "source", default="", pattern=_SOURCE, allowed="https://…, ssh://… or an absolute path, without a password"
    ),
    "ref": lambda fields: fields.text(
        "ref", default="HEAD", pattern=_REF, allowed="a branch, a tag or a commit, beginning with a letter or digit"
    ),
    "script": lambda fields: fields.text(
        "script", default="", pattern=_SCRIPT, allowed="a path inside the source, without “..” and blanks"
    ),
    "arguments": lambda fields: fields.texts("arguments", options=True),
    "kernel_arguments": lambda fields: fields.texts("kernel_arguments", options=True),
    "variables": _variables,
    "owner": lambda fields: fields.text(
        "owner", default="", pattern=_OWNER, allowed="a numeric uid:gid that is not root's, for example 899:899"
    ),
}
