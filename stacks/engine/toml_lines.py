"""On which line of a TOML text a field stands, so that an error can name it."""

from __future__ import annotations

import re

_LIST = re.compile(r"\s*\[\[\s*([^\[\]]+?)\s*\]\]")
_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))\s*=""")


def find(text: str) -> dict[tuple[str, str], int]:
    """Give the line, from 1, of each (table, field); a table's own line stands under the field "".

    Tables are named as errors name them: `recipe` is the document, `environments 2` the second of a list.
    """
    known: dict[tuple[str, str], int] = {("recipe", ""): 1}
    table, counts = "recipe", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        if found := _LIST.match(line):
            table = _count(found[1].split("."), counts)
        elif found := _TABLE.match(line):
            table = _name(found[1].split("."), counts)
        elif found := _KEY.match(line):
            known.setdefault((table, found[1] or found[2] or found[3]), number)
            continue
        else:
            continue
        known.setdefault((table, ""), number)
    return known


def _count(path: list[str], counts: dict[str, int]) -> str:
    above = _name(path[:-1], counts)
    key = f"{above}.{path[-1]}" if above else path[-1]
    counts[key] = counts.get(key, 0) + 1
    return f"{key} {counts[key]}"


def _name(path: list[str], counts: dict[str, int]) -> str:
    name = ""
    for part in path:
        plain = part.strip().strip("\"'")
        name = f"{name}.{plain}" if name else plain
        if name in counts:
            name = f"{name} {counts[name]}"
    return name
