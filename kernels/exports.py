"""The matrix as CSV and JSON: one line per kernel and place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kernels.matrix import Matrix
from stacks import exports

FIELDS = (
    *("kernel", "machine", "where", "version", "display_name", "language", "environment"),
    *("state", "depth", "code", "seconds", "reason", "checked_at"),
)


def lines(matrix: Matrix) -> Iterator[dict[str, Any]]:
    """Give a line for each kernel in each place where it is."""
    for row in matrix.rows:
        for column, cell in row.cells:
            if cell is None:
                continue
            told = {name: getattr(cell, name) for name in FIELDS[4:]}
            told["checked_at"] = cell.checked_at.isoformat() if cell.checked_at else None
            place = {"machine": column.machine.name, "where": column.where, "version": column.version}
            yield {"kernel": row.name, **place, **told}


def as_json(matrix: Matrix) -> str:
    """Spell the matrix as one JSON document."""
    return json.dumps({"kernels": list(lines(matrix))}, indent=1)


def as_csv(matrix: Matrix) -> str:
    """Spell the matrix as CSV; what a spreadsheet would take for a formula is marked as text."""
    return exports.as_csv(FIELDS, lines(matrix))
