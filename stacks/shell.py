"""The command that asks for the same as an operation: to do it again by hand, or to put it into a script."""

from __future__ import annotations

import shlex
from typing import Any

from stacks.models import Operation

Kind = Operation.Kind
# The parameter that follows the verb; kinds that are not here are asked for on a page alone.
_SUBJECTS = {
    **dict.fromkeys((Kind.BUILD, Kind.SOLVE), "recipe"),
    **dict.fromkeys((Kind.DEPLOY, Kind.REVERT, Kind.VERIFY, Kind.REMOVE), "version"),
    **dict.fromkeys((Kind.KERNEL_INSTALL, Kind.KERNEL_REMOVE), "kernel"),
    **dict.fromkeys((Kind.BACKUP, Kind.DISCARD, Kind.RESTORE, Kind.PRUNE, Kind.ADOPT, Kind.CONVERT), ""),
}
_SWITCHES = ("deploy", "full", "pause", "override_health", "mark_bad")
_VALUES = ("strategy", "kernel_dir", "keep", "externals", "environment", "display_name", "language")


def command(operation: Operation) -> str:
    """Write the command, quoted for a shell; "" for what no verb asks for."""
    asked = operation.parameters
    if asked.get("like"):
        words = ["rebuild", asked["like"], _value("name", asked["version"])]
    elif operation.kind == Kind.COPY:
        return shlex.join(["dlstack", *_copy(operation)])
    elif operation.kind in _SUBJECTS:
        subject = _SUBJECTS[Kind(operation.kind)]
        words = [operation.kind, *([asked.get(subject, "")] if subject else []), *_choices(operation.kind, asked)]
    else:
        return ""
    reason = [_value("reason", operation.reason)] if operation.reason else []
    return shlex.join(["dlstack", *words, "--machine", operation.machine.name, *reason])


def _copy(operation: Operation) -> list[str]:
    asked = operation.parameters
    source = [_value("from", asked["from"])] if asked.get("from") else []
    reason = [_value("reason", operation.reason)] if operation.reason else []
    limit = [_value("bwlimit", asked["limit"])] if asked.get("limit") else []
    return ["copy", asked["version"], _value("to", operation.machine.name), *source, *limit, *reason]


def _choices(kind: str, asked: dict[str, Any]) -> list[str]:
    named = [_value("name", asked["version"])] if kind == Kind.BUILD else []
    options = [_value("option", option) for option in asked.get("options", ())]
    switches = [_flag(name) for name in _SWITCHES if asked.get(name)]
    return [*named, *options, *switches, *(_value(name, asked[name]) for name in _VALUES if asked.get(name))]


def _value(name: str, value: object) -> str:
    # In one word, since a value may begin with a dash.
    return f"{_flag(name)}={value}"


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
