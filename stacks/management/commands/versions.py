"""`dlstack versions`: what is on record of a machine's versions."""

from __future__ import annotations

from typing import Any

from stacks.management.verb import DONE, Verb, machine_named
from stacks.models import Version
from stacks.observation import observe


class Command(Verb):
    help = "List the sealed versions of a machine, the newest first."

    def carry_out(self, options: dict[str, Any]) -> int:
        machine = machine_named(options["machine"])
        active = observe(machine).get("active")
        rows = machine.versions.filter(removed_at__isnull=True).select_related("recipe_revision__recipe")
        documents = [_document(version, active) for version in rows]
        if self.is_json:
            self.document(documents)
        elif documents:
            self.table([("VERSION", "SEALED", "RECIPE", "FILES", "MB", "OWN MB", ""), *map(_row, documents)])
        else:
            self.say("There is no version yet: “dlstack build starter” makes one.")
        return DONE


def _document(version: Version, active: str | None) -> dict[str, Any]:
    return {
        "name": version.name,
        "uuid": str(version.uuid),
        "generation": version.generation,
        "recipe": str(version.recipe_revision or ""),
        "options": version.options,
        "files": version.files,
        "bytes": version.bytes,
        "unique_bytes": version.unique_bytes,
        "packages": version.packages,
        "kernelspecs": version.kernelspecs,
        "sealed_at": version.sealed_at,
        "active": version.name == active,
        "bad": version.bad_reason or None,
    }


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
