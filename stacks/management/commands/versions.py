"""`dlstack versions`: what is on record of a machine's versions."""

from __future__ import annotations

from typing import Any

from stacks import documents
from stacks.management.verb import DONE, Verb, machine_named
from stacks.observation import observe


class Command(Verb):
    help = "List the sealed versions of a machine, the newest first."

    def carry_out(self, options: dict[str, Any]) -> int:
        machine = machine_named(options["machine"])
        active = observe(machine).get("active")
        rows = machine.versions.filter(removed_at__isnull=True).select_related("recipe_revision__recipe")
        listed = [documents.of_version(version, active) for version in rows]
        if self.is_json:
            self.document(listed)
        elif listed:
            self.table([("VERSION", "SEALED", "RECIPE", "FILES", "MB", "OWN MB", ""), *map(_row, listed)])
        else:
            self.say("There is no version yet: “dlstack build starter” makes one.")
        return DONE


def _row(document: dict[str, Any]) -> tuple[str, ...]:
    return (
        document["name"],
        f"{document['sealed_at']:%Y-%m-%d %H:%M}",
        document["recipe"],
        f"{document['files']:,}",
        f"{document['bytes'] / 1e6:,.1f}",
        f"{document['unique_bytes'] / 1e6:,.1f}",
        ", ".join(word for word, holds in (("active", document["active"]), ("marked bad", document["bad"])) if holds),
    )
