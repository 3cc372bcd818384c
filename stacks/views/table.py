"""The table of a machine's versions, sorted and narrowed by the address; what it cannot read changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from stacks.views.shown import Tree

ONLY: dict[str, tuple[str, Callable[[Tree], bool]]] = {
    "resident": ("Resident", lambda tree: tree.resident),
    "pinned": ("Pinned", lambda tree: tree.row is not None and tree.row.pinned),
    "noted": ("With a note", lambda tree: bool(tree.note)),
    "unsealed": ("Not sealed", lambda tree: not tree.sealed),
}
KEYS: dict[str, tuple[str, Callable[[Tree], Any]]] = {
    "version": ("Version", lambda tree: tree.name),
    "sealed": ("Sealed", lambda tree: _seconds(tree.sealed_at)),
    "recipe": ("Recipe", lambda tree: tree.recipe),
    "size": ("Size", lambda tree: tree.bytes or 0),
    "own": ("Its own", lambda tree: tree.unique_bytes or 0),
}
NUMBERS = frozenset({"size", "own"})


@dataclass(frozen=True, slots=True)
class Column:
    """A heading: where a click leads, and how the table is sorted by it now ("" for not)."""

    title: str
    address: str
    sorted: str
    number: bool


@dataclass(frozen=True, slots=True)
class Table:
    """The versions that pass, in order, with the headings and the choices as they stand."""

    trees: list[Tree]
    columns: list[Column]
    find: str
    only: str
    sort: str
    choices: list[tuple[str, str]]

    @property
    def narrowed(self) -> bool:
        """Tell whether versions may be left out."""
        return bool(self.find or self.only)


def of(trees: list[Tree], asked: QueryDict) -> Table:
    """Make the table that `find`, `only` and `sort` (a leading “-” for downwards) ask for."""
    find, only, sort = (asked.get(key, "").strip()[:64] for key in ("find", "only", "sort"))
    only, sort = only if only in ONLY else "", sort if sort.removeprefix("-") in KEYS else ""
    passing = [tree for tree in trees if _has(tree, find.lower()) and (not only or ONLY[only][1](tree))]
    if sort:
        passing.sort(key=KEYS[sort.removeprefix("-")][1], reverse=sort.startswith("-"))
    kept = {key: value for key, value in (("find", find), ("only", only)) if value}
    columns = [_column(key, sort, kept) for key in KEYS]
    choices = [(key, title) for key, (title, _) in ONLY.items()]
    return Table(passing, columns, find, only, sort, choices)


def _has(tree: Tree, find: str) -> bool:
    return any(find in text.lower() for text in (tree.name, tree.recipe, tree.note))


def _column(key: str, sort: str, kept: dict[str, str]) -> Column:
    down = sort == key
    now = "ascending" if down else "descending" if sort == f"-{key}" else ""
    return Column(KEYS[key][0], f"?{urlencode({**kept, 'sort': f'-{key}' if down else key})}", now, key in NUMBERS)


def _seconds(at: datetime | float | None) -> float:
    return at.timestamp() if isinstance(at, datetime) else float(at or 0)
