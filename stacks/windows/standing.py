"""Which freeze windows are open on a machine, which come next, and the sentence with which a deploy is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from stacks.engine.errors import Refused
from stacks.models import FreezeWindow, Machine
from stacks.windows import rule
from stacks.windows.rule import Once, Span, Weekly, Window

SOON = timedelta(days=2)


class InWindow(Refused):
    """A freeze window is open."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A window's next time, or the one in which it is open now."""

    window: FreezeWindow
    span: Span
    is_open: bool

    @property
    def begins(self) -> str:
        """When it begins, by the clocks of its time zone."""
        return self._shown(self.span.begins)

    @property
    def ends(self) -> str:
        """When it ends, by the clocks of its time zone."""
        return self._shown(self.span.ends)

    def _shown(self, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(self.window.time_zone)):%a %d %b %Y, %H:%M} {self.window.time_zone}"


def known(machines: Iterable[int] | None = None) -> list[FreezeWindow]:
    """Give the windows that are not over for good, with `now`, the database's time, in one query.

    With `machines`, the keys of some, those that hold on one of them.
    """
    lasting = FreezeWindow.objects.filter(Q(ends_at=None) | Q(ends_at__gt=Now())).select_related("machine")
    if machines is not None:
        lasting = lasting.filter(Q(machine=None) | Q(machine__in=list(machines)))
    return list(lasting.defer("machine__observed").annotate(now=Now()))


def standings(windows: Iterable[FreezeWindow]) -> list[Standing]:
    """Tell how windows stand, those first that are open, then by when they begin; those that are over are left out."""
    found = [standing for window in windows if (standing := on_its_own(window)) is not None]
    return sorted(found, key=lambda standing: (not standing.is_open, standing.span.begins, standing.window.pk))


def on_its_own(window: FreezeWindow) -> Standing | None:
    """Tell how one window stands, None where it is over."""
    now = getattr(window, "now", None) or timezone.now()
    lifted = window.lifted_until
    span = next((one for one in rule.spans(rule_of(window), now) if lifted is None or one.ends > lifted), None)
    return Standing(window, span, span.begins <= now) if span else None


def rule_of(window: FreezeWindow) -> Window:
    """Give a window as the rule takes it."""
    days, times = (window.from_day, window.to_day), (window.from_time, window.to_time)
    if window.starts_at is not None and window.ends_at is not None:
        return Once(window.starts_at, window.ends_at)
    if days[0] is None or days[1] is None or times[0] is None or times[1] is None:
        raise Refused("A window is from a day and a time to a day and a time.")
    return Weekly(days[0], times[0], days[1], times[1], window.time_zone)


def soon(windows: Iterable[FreezeWindow]) -> list[Standing]:
    """Tell of the windows that are open or begin within two days."""
    limit = timezone.now() + SOON
    return [one for one in standings(windows) if one.is_open or one.span.begins <= limit]


def open_on(machine: Machine, windows: Iterable[FreezeWindow] | None = None) -> Standing | None:
    """Give the window that is open on a machine, of several the one that ends last; None where none is."""
    listed = known([machine.pk]) if windows is None else _on(machine, windows)
    opened = [one for one in standings(listed) if one.is_open]
    return max(opened, key=lambda one: one.span.ends, default=None)


def refuse_if_open(machine: Machine) -> None:
    """Raise InWindow, with its name, its end and who may lift it, while a window is open on a machine."""
    if (standing := open_on(machine)) is not None:
        raise InWindow(said(machine, standing))


def said(machine: Machine, standing: Standing) -> str:
    """Say in one sentence why nothing is deployed on a machine, until when, and who may lift that."""
    window = standing.window
    return (
        f"{machine.name} is in the freeze window “{window.name}” (“{window.reason}”) until {standing.ends}: revert, "
        "restore and backup work, all else waits for its end or for an operator who lifts it with a reason."
    )


def _on(machine: Machine, windows: Iterable[FreezeWindow]) -> list[FreezeWindow]:
    """Choose the windows that hold on a machine."""
    return [window for window in windows if window.machine_id in (None, machine.pk)]
