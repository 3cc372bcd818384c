"""What was active when, and what a revert leads back to.

The rule is the one of the machine's own journal (`stacks.engine.journal.activations`): history is a stack. A deploy
puts its version on top; a revert takes away what it left behind, so that the next revert leads further back and never
forth to what was left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone

from stacks.models import Activation, Machine, Version


def current(machine: Machine) -> Activation | None:
    """Give the activation that has not ended, None when nothing is active."""
    unended = Activation.objects.filter(machine=machine, ended_at__isnull=True)
    return unended.select_related("version", "returns_to__version").first()


def activate(
    machine: Machine, version: Version, *, reverted: bool = False, at: datetime | None = None, **fields: Any
) -> Activation:
    """End what was active and record what is now; `reverted` tells that an earlier version was put back."""
    before, history = _latest(machine), _History(machine)
    returns_to = history.first(history.behind(before, version, reverted=reverted), besides=version)
    when = at or timezone.now()
    if before is not None and before.ended_at is None:
        # Clocks are set back at times: an end is never before its beginning.
        when = max(when, before.activated_at)
        end(before, at=when)
    return Activation.objects.create(
        machine=machine, version=version, activated_at=when, returns_to=returns_to, **fields
    )


def end(activation: Activation, *, at: datetime | None = None) -> None:
    """Record that a version is not active any more."""
    activation.ended_at = max(at or timezone.now(), activation.activated_at)
    activation.save(update_fields=["ended_at"])


def revert_target(machine: Machine) -> Version | None:
    """Find what a revert goes back to: the last healthy version that was active before this one and is still sealed."""
    last, history = _latest(machine), _History(machine)
    if last is not None and last.ended_at is None:
        found = history.first(history.chain(last.returns_to), besides=last.version)
    else:
        found = history.first(history.chain(last), besides=None)
    return found.version if found else None


def settle(machine: Machine) -> None:
    """Lead a revert further back where the version that it would lead to is gone."""
    now = current(machine)
    if now is not None and now.returns_to is not None and now.returns_to.version.removed_at is not None:
        history = _History(machine)
        now.returns_to = history.first(history.chain(now.returns_to), besides=now.version)
        now.save(update_fields=["returns_to"])


def _latest(machine: Machine) -> Activation | None:
    latest = Activation.objects.filter(machine=machine).select_related("version", "returns_to")
    return latest.order_by("-id").first()


class _History:
    """All activations of a machine; of each version the latest verdict on its health counts."""

    def __init__(self, machine: Machine) -> None:
        self._known = Activation.objects.filter(machine=machine).select_related("version").order_by("id").in_bulk()
        judged = [one for one in self._known.values() if one.healthy is not None]
        self._healthy = {one.version_id: one.healthy for one in sorted(judged, key=lambda one: one.pk)}

    def chain(self, start: Activation | None) -> Iterator[Activation]:
        """Follow `returns_to` from an activation, itself included."""
        found = self._known.get(start.pk) if start else None
        while found is not None:
            yield found
            found = self._known.get(found.returns_to_id or 0)

    def behind(self, before: Activation | None, version: Version, *, reverted: bool) -> list[Activation]:
        """Give what lies behind a version that becomes active after `before`, the nearest first."""
        chain = list(self.chain(before))
        places = [number for number, one in enumerate(chain) if one.version_id == version.pk]
        if not (reverted and places and self._healthy.get(version.pk)):
            return chain
        left = {one.version_id for one in chain[: places[0]]}
        return [one for one in chain[places[0] :] if one.version_id not in left]

    def first(self, chain: Iterable[Activation], *, besides: Version | None) -> Activation | None:
        """Give the first that a revert may lead to."""
        for one in chain:
            if self._healthy.get(one.version_id) and one.version.removed_at is None and one.version != besides:
                return one
        return None
