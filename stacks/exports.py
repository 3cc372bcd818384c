"""Lists as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_csv(fields: Sequence[str], lines: Iterable[Mapping[str, object]]) -> str:
    """Spell lines as CSV with a head; what a spreadsheet would take for a formula is marked as text."""
    file = io.StringIO()
    writer = csv.DictWriter(file, fields)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _plain(value) for name, value in line.items()})
    return file.getvalue()


def _plain(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
