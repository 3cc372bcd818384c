"""`dlstack audit`: who did what, from where; written out, and checked."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from access import audit
from access.audit import Verdict
from access.models import AuditEntry
from stacks.engine.errors import Refused
from stacks.management.verb import DONE, FAILED, Verb


class Command(Verb):
    help = "Show the audit trail, write it as JSON lines, or check that nothing in it was changed."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        either = parser.add_mutually_exclusive_group()
        either.add_argument("--jsonl", action="store_true", help="every entry as a line of JSON, the oldest first")
        either.add_argument("--verify", action="store_true", help="check the chain of digests")
        parser.add_argument(
            "--after", metavar="N", type=int, default=0, help="with --jsonl: only entries after this one"
        )
        parser.add_argument(
            "--known", metavar="N:DIGEST", default="",
            help="with --verify: an entry as an earlier check printed it, to find that the end was cut off",
        )  # fmt: skip
        parser.add_argument("--limit", metavar="N", type=int, default=20, help="how many of the newest to show (20)")

    def carry_out(self, options: dict[str, Any]) -> int:
        if options["verify"]:
            number, digest = _known(options["known"])
            return self._told(audit.verify(number=number, digest=digest))
        if options["jsonl"]:
            for entry in audit.in_order(after=options["after"]):
                self.stdout.write(audit.as_line(entry))
            return DONE
        if options["limit"] < 1:
            raise Refused("--limit must be 1 or more.")
        newest = list(AuditEntry.objects.all()[: options["limit"]])
        if self.is_json:
            self.document([audit.document(entry) for entry in newest])
        self.table([("NO.", "WHEN (UTC)", "WHO", "FROM", "KIND", "WHAT"), *map(_row, newest)])
        return DONE

    def _told(self, verdict: Verdict) -> int:
        if self.is_json:
            self.document({"entries": verdict.entries, "head": verdict.head, "wrong": verdict.wrong or None})
        if verdict.wrong:
            self.stderr.write(verdict.wrong)
            return FAILED
        self.say(f"{verdict.entries} entries, unbroken. Keep this elsewhere: {verdict.entries}:{verdict.head}")
        return DONE


def _known(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if text and not (number.isascii() and number.isdigit() and int(number) > 0 and len(digest) == 64):
        raise Refused("--known takes what an earlier --verify printed: a number, a colon, a digest of 64 characters.")
    return int(number or 0), digest


def _row(entry: AuditEntry) -> tuple[str, ...]:
    where = f"{entry.channel} {entry.address}".rstrip()
    return str(entry.number), f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.who, where, entry.kind, entry.what
