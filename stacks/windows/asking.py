"""Freeze windows as people ask for them: written, changed, lifted while they are open, deleted."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from access import audit
from access.models import AuditEntry
from stacks.engine.errors import Refused
from stacks.marks import checked_reason
from stacks.models import FreezeWindow
from stacks.windows.rule import Once, Weekly
from stacks.windows.standing import on_its_own, rule_of


def checked(window: FreezeWindow) -> None:
    """Raise Refused for a window that never begins or never ends."""
    found = rule_of(window)
    if isinstance(found, Once) and found.ends <= found.begins:
        raise Refused("The window must end after it begins.")
    if isinstance(found, Weekly) and (found.from_day, found.from_time) == (found.to_day, found.to_time):
        raise Refused("A window of a whole week never ends: freeze the machine instead.")


def save(*, window: FreezeWindow, by: User | None) -> FreezeWindow:
    """Write a window, new or changed; raises Refused where `checked` does, and without a reason."""
    checked(window)
    window.reason = checked_reason(window.reason, "make a freeze window")
    old = _described(FreezeWindow.objects.filter(pk=window.pk).select_related("machine").first())
    with transaction.atomic():
        if window.pk is None:
            window.created_by = by
        window.save()
        _note(window, "was changed" if old else "was made", by=by, old=old, new=_described(window))
    return window


def lift(*, window: FreezeWindow, by: User | None, reason: str) -> None:
    """Let a window that is open be over until its next time; raises Refused without a reason, and where it is not."""
    why = checked_reason(reason, "lift a freeze window")
    standing = on_its_own(window)
    if standing is None or not standing.is_open:
        raise Refused(f"The freeze window “{window.name}” is not open: there is nothing to lift.")
    with transaction.atomic():
        FreezeWindow.objects.filter(pk=window.pk).update(lifted_until=standing.span.ends)
        _note(window, f"was lifted until {standing.ends}: {why}", by=by)
    window.refresh_from_db()


def delete(*, window: FreezeWindow, by: User | None) -> None:
    """Remove a window for good."""
    with transaction.atomic():
        old = _described(window)
        FreezeWindow.objects.filter(pk=window.pk).delete()
        _note(window, "was deleted", by=by, old=old)


def _note(window: FreezeWindow, done: str, *, by: User | None, old: str = "", new: str = "") -> None:
    machine = window.machine.name if window.machine else ""
    what = f"The freeze window “{window.name}” {done}"
    audit.record(AuditEntry.Kind.WINDOW, what, by=by, machine=machine, old=old, new=new)


def _described(window: FreezeWindow | None) -> str:
    return "" if window is None else f"{window.where}, {window.when}: {window.reason}"
