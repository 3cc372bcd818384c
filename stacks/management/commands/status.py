"""`dlstack status`: what is true on a machine's disk now."""

from __future__ import annotations

from typing import Any

from stacks import documents
from stacks.management.verb import DONE, Verb, machine_named


class Command(Verb):
    help = "Show what is active, what is resident, the versions on disk, and what is the matter."

    def carry_out(self, options: dict[str, Any]) -> int:
        machine = machine_named(options["machine"])
        document = documents.of_machine(machine)
        if self.is_json:
            self.document(document)
        else:
            self._print(document)
        return DONE

    def _print(self, seen: dict[str, Any]) -> None:
        self.say(f"{seen['machine']}: {seen['root']}, layout {seen['layout']}")
        self.say(f"active {seen['active'] or '–'} · backing {seen['backing'] or '–'} · {_ramdisk(seen)}")
        if seen["versions"]:
            self.table(
                [("VERSION", "SEALED", "FILES", "MB", "OWN MB", ""), *(_row(seen, item) for item in seen["versions"])]
            )
        for problem in seen["problems"]:
            self.say(f"problem {problem['code']}: {problem['message']} {problem.get('action', '')}".rstrip())


def _ramdisk(seen: dict[str, Any]) -> str:
    ramdisk = seen["ramdisk"]
    if not ramdisk["is_tmpfs"]:
        return "no ramdisk"
    return f"ramdisk {ramdisk['bytes_used'] / 1e6:,.0f} of {ramdisk['bytes_total'] / 1e6:,.0f} MB"


def _row(seen: dict[str, Any], version: dict[str, Any]) -> tuple[str, ...]:
    name = version["name"]
    marks = [word for word in ("active", "backing") if seen[word] == name]
    marks += ["resident"] if name in seen["resident"] else []
    numbers = [f"{version['files'] or 0:,}", _megabytes(version["bytes"]), _megabytes(version["unique_bytes"])]
    return (name, "yes" if version["sealed"] else "no", *numbers, ", ".join(marks))


def _megabytes(size: int | None) -> str:
    return f"{(size or 0) / 1e6:,.1f}"
