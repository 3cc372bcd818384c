"""What a worker leaves on its own disk about an attempt: that it began, and how it ended.

The database learns of the end when it is there; whatever becomes of the worker or the database in between, the reaper
finds here, and in the machine's journal, what is true (faults F23 and F24).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stacks.engine import durable, journal
from stacks.engine.layout import Layout
from stacks.logs import spool_directory
from stacks.models import Operation

FILE = "attempt.json"
KEPT_ELSEWHERE = frozenset(
    {"recipe_text", "packages", "kernelspecs", "unique", "inventory", "library"}
)  # in rows of their own
# Their one entry in the journal says that all was done; others make several changes, or do more after the last.
DONE_BY_JOURNAL = frozenset(
    {"build", "copy", "deploy", "revert", "restore", "discard", "kernel-install", "kernel-remove"}
)

logger = logging.getLogger(__name__)
Entries = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How an attempt ended: the final state, its sentence, and the plain values that the record is made of."""

    state: str
    message: str
    outcome: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    refused: bool = False

    @property
    def kept(self) -> dict[str, Any]:
        """What the operation's row keeps of the outcome."""
        # A lockfile lies with the version that was made; what was only solved is kept here, to build just that.
        elsewhere = KEPT_ELSEWHERE | ({"lockfile"} if "version" in self.outcome else set())
        lasting = {key: value for key, value in self.outcome.items() if key not in elsewhere}
        return lasting | ({"refused": True} if self.refused else {})


def begin(layout: Layout, operation_id: int) -> None:
    """Leave word that an attempt begins, with how much the machine's journal held by then; raises OSError."""
    _path(operation_id).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    durable.write_json(_path(operation_id), {"journal": journal.size(layout)})


def end(operation_id: int, conclusion: Conclusion) -> None:
    """Leave word of the end before the database is told; without room for it the database alone is told."""
    try:
        durable.write_json(_path(operation_id), _read(operation_id) | {"conclusion": asdict(conclusion)})
    except (OSError, TypeError, ValueError):
        logger.exception("The end of operation %s could not be kept on disk", operation_id)


def conclusion_of(operation_id: int) -> Conclusion | None:
    """Give the end that a worker left and perhaps could not tell the database; None when it left none."""
    found = _read(operation_id).get("conclusion")
    return Conclusion(**found) if found else None


def written(layout: Layout, operation: Operation) -> Entries:
    """Give what the machine's journal says of this attempt; nothing when it never began."""
    known = _read(operation.pk).get("journal")
    entries = [] if known is None else journal.history(layout, since=int(known))
    return [entry for entry in entries if entry["operation"] == str(operation.pk)]


def is_done(operation: Operation, entries: Entries) -> bool:
    """Tell whether the journal says that an operation did all it was asked for."""
    return operation.kind in DONE_BY_JOURNAL and any(
        entry["kind"] == operation.kind and entry["outcome"] == "succeeded" for entry in entries
    )


def forget(operation_id: int) -> None:
    """Remove what was left about an operation whose end is on record, what a kill left half written too."""
    try:
        _path(operation_id).unlink(missing_ok=True)
        durable.sweep(_path(operation_id))
    except OSError as error:  # it is passed over once the operation has ended
        logger.warning("%s", error)


def _read(operation_id: int) -> dict[str, Any]:
    try:
        found = json.loads(_path(operation_id).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path(operation_id: int) -> Path:
    return spool_directory(operation_id) / FILE
