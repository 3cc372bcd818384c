"""What other apps know to be wrong on machines, so that `stacks` need not know them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from stacks.models import Machine

Problems = dict[int, list[dict[str, Any]]]
Source = Callable[[Collection[Machine]], Problems]
_sources: list[Source] = []

DISAGREES = "The disk says that {disk} is active, the record says {record}."


def add_source(source: Source) -> None:
    """Ask one more function for problems: it gives {code, message, action, address} by machine, in a few queries."""
    if source not in _sources:
        _sources.append(source)


def of(machines: Collection[Machine]) -> Problems:
    """Gather what every source knows of these machines."""
    found: Problems = {}
    for source in _sources:
        for key, problems in source(machines).items():
            found.setdefault(key, []).extend(problems)
    return found


def seen(status: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the problems that a machine's own document tells of; it leads nowhere, only our own pages are linked."""
    return [{**problem, "address": ""} for problem in status.get("problems", [])]


def disagreement(seen: dict[str, Any], recorded: str) -> list[dict[str, Any]]:
    """Give the problem that the disk and the record name two active versions, or nothing."""
    if not recorded or seen.get("active", recorded) == recorded:
        return []
    message = DISAGREES.format(disk=seen["active"] or "nothing", record=recorded)
    action = "Somebody changed the link by hand: deploy the version that you want."
    return [{"code": "disagrees", "message": message, "action": action}]
