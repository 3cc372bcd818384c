"""The audit trail: adding an entry, checking the chain, writing entries as JSON lines."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.utils import timezone

from access import origin
from access.exclusive import exclusively
from access.models import AuditEntry
from access.origin import Origin

BEGINNING = "0" * 64
NOBODY = "nobody"
LONGEST = 2000
FIELDS = ("number", "at", "kind", "who", "account", "channel", "address", "machine", "operation", "what", "old", "new")

Kind = AuditEntry.Kind
trail = logging.getLogger("dlstack.audit")


def record(
    kind: str,
    what: str,
    *,
    by: User | AnonymousUser | None = None,
    machine: str = "",
    operation: int | None = None,
    old: str = "",
    new: str = "",
) -> AuditEntry:
    """Add an entry, in the transaction that does what it tells; without `by` it is told of who runs this code.

    Call it last in a transaction: writers of entries wait for one another.
    """
    asked = origin.current()
    who, account = _who(by, asked)
    values = {
        "kind": str(kind), "who": _clean(who)[:200], "account": account, "channel": asked.channel,
        "address": _clean(asked.address)[:100], "machine": machine, "operation": operation,
        "what": _clean(what), "old": _clean(old), "new": _clean(new),
    }  # fmt: skip
    with exclusively("audit"):
        last = AuditEntry.objects.order_by("-number").first()
        number, previous = (last.number + 1, last.digest) if last else (1, BEGINNING)
        entry = AuditEntry(number=number, at=timezone.now(), previous=previous, **values)
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
    transaction.on_commit(partial(trail.info, "%s", as_line(entry)), robust=True)
    return entry


def document(entry: AuditEntry) -> dict[str, Any]:
    """Give an entry as JSON types."""
    told = {name: getattr(entry, name) for name in FIELDS}
    return {**told, "at": entry.at.astimezone(UTC).isoformat(), "previous": entry.previous, "digest": entry.digest}


def as_line(entry: AuditEntry) -> str:
    """Write an entry as one line of JSON."""
    return json.dumps(document(entry), ensure_ascii=False)


def digest_of(entry: AuditEntry) -> str:
    """Compute what an entry's digest must be: SHA-256 of its document without the digest, keys sorted."""
    told = document(entry)
    del told["digest"]
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the chain came to: how many entries, the last digest, and what is wrong ("" for nothing)."""

    entries: int
    head: str
    wrong: str = ""


def verify(*, number: int = 0, digest: str = "") -> Verdict:
    """Check every entry against its digest and the one before; with `number` and `digest` also against a known one.

    Only a known one tells that the end was cut off, or that the whole was written anew.
    """
    before, count, known = BEGINNING, 0, ""
    for entry in in_order():
        if (wrong := _wrong_with(entry, count, before)) != "":
            return Verdict(count, before, wrong)
        before, count = entry.digest, count + 1
        known = entry.digest if count == number else known
    if number and known != digest:
        found = f"has the digest {known}" if known else "is not there"
        return Verdict(count, before, f"Entry {number} {found}: the trail was cut off or written anew.")
    return Verdict(count, before)


def in_order(*, after: int = 0, since: datetime | None = None) -> Iterator[AuditEntry]:
    """Give the entries, the oldest first."""
    found = AuditEntry.objects.filter(number__gt=after).order_by("number")
    return (found.filter(at__gte=since) if since else found).iterator(chunk_size=1000)


def _who(by: User | AnonymousUser | None, asked: Origin) -> tuple[str, int | None]:
    if asked.account is not None:  # a token, which is told beside the name of its owner
        return asked.who, asked.account
    if isinstance(by, User):
        return by.get_username(), by.pk
    return asked.who or NOBODY, None


def _wrong_with(entry: AuditEntry, count: int, before: str) -> str:
    if entry.number != count + 1:
        return f"Entry {count + 1} is missing: the next one is {entry.number}."
    if entry.previous != before:
        return f"Entry {entry.number} does not follow the one before it: something was put between or changed."
    if entry.digest != digest_of(entry):
        return f"Entry {entry.number} is not what was written: it was changed."
    return ""


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")[:LONGEST]
