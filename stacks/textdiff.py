"""How one text differs from another, line by line; pure values in, pure values out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

CONTEXT = 3  # equal lines shown around each difference


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a unified diff: `sign` is “+”, “-”, “ ”, or “@” for the heading of a stretch.

    `old` and `new` are the line's numbers in the two texts, 0 where it is not in one.
    """

    sign: str
    text: str
    old: int = 0
    new: int = 0

    @property
    def kind(self) -> str:
        """Name what happened to the line: added, removed, heading or same."""
        return {"+": "added", "-": "removed", "@": "heading"}.get(self.sign, "same")


def unified(before: str, after: str) -> list[Line]:
    """Compare two texts; nothing is given where they are equal."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT):
        first, last = group[0], group[-1]
        found.append(Line("@", f"lines {first[3] + 1} to {last[4]}" if last[4] > first[3] else "the end"))
        for code in group:
            found += _lines(code, old, new)
    return found


def _lines(code: tuple[str, int, int, int, int], old: list[str], new: list[str]) -> list[Line]:
    tag, old_from, old_to, new_from, new_to = code
    if tag == "equal":
        return [Line(" ", old[at], at + 1, at - old_from + new_from + 1) for at in range(old_from, old_to)]
    gone = [Line("-", old[at], old=at + 1) for at in range(old_from, old_to)]
    return gone + [Line("+", new[at], new=at + 1) for at in range(new_from, new_to)]
