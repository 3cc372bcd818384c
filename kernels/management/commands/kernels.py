"""`dlstack kernels`: which kernels users find, and with --probe whether each starts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from kernels import latest, requests, seen
from stacks.management.changing import ChangingVerb
from stacks.management.verb import DONE, FAILED, machine_named, requester
from stacks.models import Machine, Operation

Document = dict[str, Any]


class Command(ChangingVerb):
    help = "List the kernels of what is live, or of a version, and what is wrong with each; --probe checks them first."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--of", metavar="VERSION", default="", help="those of a version on disk")
        parser.add_argument("--probe", action="store_true", help="check each first, by default by starting it")
        parser.add_argument("--depth", default="launch", help="of --probe: static, interpreter or launch")

    def carry_out(self, options: dict[str, Any]) -> int:
        machine = machine_named(options["machine"])
        if options["probe"]:
            return super().carry_out(options)
        found = documents(machine, options["of"])
        self.document(found) if self.is_json else self._print(found)
        return DONE

    def submit(self, machine: Machine, options: dict[str, Any]) -> Operation:
        return requests.check(machine=machine, version=options["of"], depth=options["depth"], requested_by=requester())

    def follow(self, operation: Operation) -> int:
        """Follow the checks; a kernel that is not well makes it 1."""
        status = super().follow(operation)
        operation.refresh_from_db()
        verdicts = operation.outcome.get("kernels", [])
        return status or (FAILED if any(verdict["state"] != "ok" for verdict in verdicts) else DONE)

    def _print(self, found: list[Document]) -> None:
        if not found:
            self.say("There is no kernel: a recipe's [[environments.kernelspecs]] or “kernel-install” adds one.")
            return
        self.table([("KERNEL", "SHOWN AS", "LANGUAGE", "ENVIRONMENT", "SOURCE", "LAST CHECK"), *map(_row, found)])
        for kernel in found:
            for finding in kernel["findings"]:
                self.say(f"{finding['severity']} {kernel['name']}: {finding['message']}")


def documents(machine: Machine, version: str) -> list[Document]:
    """Give the kernels of a version, or of what is live, each with its latest `check` (or None)."""
    shown = seen.kernels(machine, version)
    checks = latest.latest([machine.pk], [shown.version])
    return [
        kernel | {"check": _check(checks.get((machine.pk, shown.version, kernel["environment"], kernel["name"]), []))}
        for kernel in shown.kernels
    ]


def _check(known: list[latest.Check]) -> Document | None:
    check = latest.judge(known)
    if check is None:
        return None
    names = ("depth", "state", "code", "reason", "seconds", "checked_at")
    return {name: getattr(check, name) for name in names}


def _row(kernel: Document) -> tuple[str, ...]:
    check = kernel["check"]
    told = "never" if check is None else f"{check['state']} ({check['depth']}, {check['seconds']:.1f} s)"
    hidden = "" if kernel["wins"] else " (hidden)"
    words = (kernel["display_name"], kernel["language"], kernel["environment"] or "–", kernel["source"])
    return (f"{kernel['name']}{hidden}", *words, told)
