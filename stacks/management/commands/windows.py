"""`dlstack windows`: the freeze windows that are open or come."""

from __future__ import annotations

from typing import Any

from stacks import windows
from stacks.management.verb import DONE, Verb
from stacks.windows import Standing


class Command(Verb):
    help = "List the freeze windows that are open or come again. They are made on the pages."
    takes_machine = False

    def carry_out(self, options: dict[str, Any]) -> int:
        found = windows.standings(windows.known())
        if self.is_json:
            self.document([_document(standing) for standing in found])
        elif found:
            self.table([("NAME", "WHERE", "STATE", "FROM", "TO", "WHY"), *map(_row, found)])
        else:
            self.say("There is no freeze window.")
        return DONE


def _row(standing: Standing) -> tuple[str, ...]:
    window = standing.window
    return window.name, window.where, _state(standing), standing.begins, standing.ends, window.reason


def _document(standing: Standing) -> dict[str, Any]:
    window = standing.window
    return {
        "id": window.pk,
        "name": window.name,
        "machine": window.machine.name if window.machine else None,
        "when": window.when,
        "reason": window.reason,
        "state": _state(standing),
        "begins_at": standing.span.begins,
        "ends_at": standing.span.ends,
    }


def _state(standing: Standing) -> str:
    return "open" if standing.is_open else "comes"
