"""`dlstack diff`: what differs between two versions."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from stacks import filediff
from stacks.differences import Change, Differences, Group, Listed, as_document, between
from stacks.engine.errors import Refused
from stacks.engine.layout import check_name
from stacks.engine.manifest import Difference
from stacks.management.verb import DONE, Verb, machine_named
from stacks.models import Machine
from stacks.observation import observe

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


class Command(Verb):
    help = "Show which packages, kernelspecs and, if asked for, files version B adds, removes and changes against A."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("a", metavar="A")
        parser.add_argument("b", metavar="B")
        parser.add_argument("--files", action="store_true", help="compare every path of the two manifests too")

    def carry_out(self, options: dict[str, Any]) -> int:
        machine = machine_named(options["machine"])
        before, after = (_content(machine, options[key]) for key in ("a", "b"))
        differences = between(before, after)
        files = filediff.between(machine, options["a"], options["b"]) if options["files"] else []
        if self.is_json:
            listed = {"files": [item._asdict() for item in files]} if options["files"] else {}
            self.document({"a": options["a"], "b": options["b"], **as_document(differences), **listed})
        else:
            self._print(differences)
            self._print_files(files)
        return DONE

    def _print_files(self, files: list[Difference]) -> None:
        for item in files:
            self.say(f"{_SIGNS[item.kind]} {item.path}{f' ({item.detail})' if item.kind == 'changed' else ''}")

    def _print(self, differences: Differences) -> None:
        if not differences:
            self.say("No package or kernelspec differs.")
        for group in [*differences.environments, differences.kernelspecs]:
            self._print_group(group)

    def _print_group(self, group: Group) -> None:
        if group:
            self.say(group.name)
        for change in group.all:
            self.say(f"  {_text(change)}")


def _content(machine: Machine, name: str) -> Listed:
    """Take a version's content from the disk, or from the record where the disk is out of sight."""
    check_name(name)
    for version in observe(machine).get("versions", []):
        if version["name"] == name and version["sealed"] and "packages" in version:
            return Listed(version["packages"], version.get("kernelspecs", []))
    row = machine.versions.filter(name=name, removed_at__isnull=True).first()
    if row is None:
        raise Refused(f"There is no sealed version “{name}” on {machine.name}: “dlstack versions” lists them.")
    return Listed(row.packages, row.kernelspecs)


def _text(change: Change) -> str:
    if not change.before:
        return f"+ {change.name} {change.after}"
    return (
        f"- {change.name} {change.before}" if not change.after else f"~ {change.name} {change.before} → {change.after}"
    )
