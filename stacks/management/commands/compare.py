"""`dlstack compare`: where machines disagree, with what was asked of them and with each other."""

from __future__ import annotations

from typing import Any

from stacks import comparison
from stacks.comparison import Row
from stacks.management.verb import DONE, Verb
from stacks.rollouts.builds import SHORT


class Command(Verb):
    help = "Show what is active on each machine, of which build, and where that is not what was asked for or usual."
    takes_machine = False

    def carry_out(self, options: dict[str, Any]) -> int:
        found = comparison.compare()
        if self.is_json:
            self.document(comparison.document(found))
        else:
            self.table([("MACHINE", "ACTIVE", "BUILD", "ASKED", ""), *map(_row, found.rows)])
        return DONE


def _row(row: Row) -> tuple[str, ...]:
    asked = row.asked.version if row.asked else "–"
    return row.machine, row.active or "–", row.digest[:SHORT] or "–", asked, " ".join(row.says)
