"""What people forbid for a while: deploys of a frozen machine, and a version that is marked bad.

Each change is one conditional write with its event, so that of two people at once one wins and the other is told.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from stacks import activations, events
from stacks.engine.errors import Refused
from stacks.models import Event, Machine, Version

COMMAND_LINE = "the command line"
LONGEST_REASON = 500


def freeze(*, machine: Machine, by: User | None, reason: str) -> None:
    """Let nothing be deployed on a machine any more; raises Refused without a reason, and when it is frozen already."""
    why = checked_reason(reason, "freeze deploys")
    with transaction.atomic():
        asked = {"frozen_since": timezone.now(), "frozen_by": by, "frozen_reason": why}
        if not Machine.objects.filter(pk=machine.pk, frozen_since__isnull=True).update(**asked):
            machine.refresh_from_db()
            raise Refused(f"{frozen(machine)} Nothing was changed.")
        events.note(machine=machine, kind=Event.Kind.FREEZE, text=f"Deploys are frozen: {why}", by=by)
    machine.refresh_from_db()


def unfreeze(*, machine: Machine, by: User | None, reason: str) -> None:
    """Let a machine be deployed to again; raises Refused without a reason, and when it is not frozen."""
    why = checked_reason(reason, "unfreeze deploys")
    with transaction.atomic():
        asked = {"frozen_since": None, "frozen_by": None, "frozen_reason": ""}
        if not Machine.objects.filter(pk=machine.pk, frozen_since__isnull=False).update(**asked):
            raise Refused(f"{machine.name} is not frozen: there is nothing to do.")
        events.note(machine=machine, kind=Event.Kind.UNFREEZE, text=f"Deploys are free again: {why}", by=by)
    machine.refresh_from_db()


def mark_bad(*, version: Version, by: User | None, reason: str) -> bool:
    """Mark a version bad and lead reverts past it; False when it was marked before: the first mark stays."""
    why = checked_reason(reason, "mark a version bad")
    with transaction.atomic():
        asked = {"bad_since": timezone.now(), "bad_by": by, "bad_reason": why}
        if not Version.objects.filter(pk=version.pk, bad_since__isnull=True).update(**asked):
            return False
        activations.settle(version.machine)
        text = f"“{version.name}” is marked bad: {why}"
        events.note(machine=version.machine, kind=Event.Kind.MARK_BAD, text=text, by=by)
    version.refresh_from_db()
    return True


def clear(*, version: Version, by: User | None, reason: str) -> None:
    """Take the mark from a version; raises Refused without a reason, and when it is not marked bad."""
    why = checked_reason(reason, "clear the mark")
    with transaction.atomic():
        asked = {"bad_since": None, "bad_by": None, "bad_reason": ""}
        if not Version.objects.filter(pk=version.pk, bad_since__isnull=False).update(**asked):
            raise Refused(f"“{version.name}” is not marked bad: there is nothing to clear.")
        text = f"The mark on “{version.name}” is cleared: {why}"
        events.note(machine=version.machine, kind=Event.Kind.CLEAR, text=text, by=by)
    version.refresh_from_db()


def frozen(machine: Machine) -> str:
    """Say who froze a machine, since when and why; "" when it is not frozen."""
    if machine.frozen_since is None:
        return ""
    return f"{machine.name} is frozen {_told(machine.frozen_since, machine.frozen_by, machine.frozen_reason)}"


def bad(version: Version) -> str:
    """Say who marked a version bad, since when and why; "" when it is not marked."""
    if version.bad_since is None:
        return ""
    return f"“{version.name}” is marked bad {_told(version.bad_since, version.bad_by, version.bad_reason)}"


def checked_reason(reason: str, what: str) -> str:
    """Give a reason in one line; raises Refused where there is none or it is too long."""
    why = " ".join(reason.replace("\x00", "").split())
    if not why:
        raise Refused(f"To {what}, give a reason: it is kept on record.")
    if len(why) > LONGEST_REASON:
        raise Refused(f"The reason is too long: {LONGEST_REASON} characters at most.")
    return why


def _told(since: datetime, by: User | None, reason: str) -> str:
    return f"since {since:%Y-%m-%d %H:%M} UTC by {by or COMMAND_LINE}: “{reason}”."
