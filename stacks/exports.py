"""Lists as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

# A cell also begins where a spreadsheet expects another separator than the comma.
_SEPARATORS = frozenset(";\t\r\n")
_PASSED_OVER = r";\s\"'\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_FORMULA = re.compile(rf"(?:\A|(?<![{_PASSED_OVER}]))[{_PASSED_OVER}]*+(?=[=+\-@＝＋－＠])")


def as_csv(fields: Sequence[str], lines: Iterable[Mapping[str, object]]) -> str:
    """Spell lines as CSV with a head; what a spreadsheet would take for a formula is marked as text."""
    file = io.StringIO()
    writer = csv.DictWriter(file, fields)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _plain(value) for name, value in line.items()})
    return file.getvalue()


def _plain(value: object) -> str:
    return "" if value is None else _FORMULA.sub(_marked, str(value))


def _marked(found: re.Match[str]) -> str:
    begins = found.start() == 0 or not _SEPARATORS.isdisjoint(found.group())
    return f"{found.group()}'" if begins else found.group()
