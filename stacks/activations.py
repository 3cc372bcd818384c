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

# What a version holds is not needed to tell whether a revert may lead to it.
LARGE = ("version__packages", "version__kernelspecs", "version__lockfile")


def current(machine: Machine) -> Activation | None:
    """Give the activation that has not ended, None when nothing is active."""
    unended = Activation.objects.filter(machine=machine, ended_at__isnull=True)
    return unended.select_related("version", "returns_to__version").first()


def activate(
    machine: Machine, version: Version, *, reverted: bool = False, at: datetime | None = None, **fields: Any
) -> Activation:
    """End what was active and record what is now; `reverted` tells that an earlier version was put back."""
    history = _History(machine)
    before = history.latest
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
    return next(iter(targets(machine)), None)


def targets(machine: Machine) -> list[Version]:
    """List the versions that reverts lead back to, the nearest first, each once; never one that is marked bad."""
    history = _History(machine)
    last = history.latest
    if last is not None and last.ended_at is None:
        found = history.fit(history.chain(last.returns_to_id), besides=last.version)
    else:
        found = history.fit(history.chain(last.pk if last else None), besides=None)
    return list({one.version_id: one.version for one in found}.values())


def settle(machine: Machine) -> None:
    """Lead a revert further back where the version that it would lead to is gone or marked bad."""
    now = current(machine)
    if now is None or now.returns_to is None:
        return
    to = now.returns_to.version
    if to.removed_at is not None or to.bad_since is not None:
        history = _History(machine)
        now.returns_to = history.first(history.chain(now.returns_to_id), besides=now.version)
        now.save(update_fields=["returns_to"])


class _History:
    """All activations of a machine; of each version the latest verdict on its health counts."""

    def __init__(self, machine: Machine) -> None:
        rows = Activation.objects.filter(machine=machine).select_related("version").defer(*LARGE).order_by("id")
        self._known = {one.pk: one for one in rows}
        judged = [one for one in self._known.values() if one.healthy is not None]
        self._last = {one.version_id: one.pk for one in self._known.values()}
        self._healthy = {one.version_id: one.healthy for one in sorted(judged, key=lambda one: one.pk)}

    @property
    def latest(self) -> Activation | None:
        """The activation that was recorded last."""
        return self._known[max(self._known)] if self._known else None

    def chain(self, start: int | None) -> Iterator[Activation]:
        """Follow `returns_to` from an activation, itself included.

        What became active again since has its place there: where it was before, it may have been left by a revert.
        """
        found = self._known.get(start or 0)
        while found is not None:
            if self._last[found.version_id] == found.pk:
                yield found
            found = self._known.get(found.returns_to_id or 0)

    def behind(self, before: Activation | None, version: Version, *, reverted: bool) -> list[Activation]:
        """Give what lies behind a version that becomes active after `before`, the nearest first."""
        chain = list(self.chain(before.pk if before else None))
        places = [number for number, one in enumerate(chain) if one.version_id == version.pk]
        if not (reverted and places and self._healthy.get(version.pk)):
            return chain
        left = {one.version_id for one in chain[: places[0]]}
        return [one for one in chain[places[0] :] if one.version_id not in left]

    def first(self, chain: Iterable[Activation], *, besides: Version | None) -> Activation | None:
        """Give the first that a revert may lead to."""
        return next(self.fit(chain, besides=besides), None)

    def fit(self, chain: Iterable[Activation], *, besides: Version | None) -> Iterator[Activation]:
        """Give those that a revert may lead to: healthy, on disk, and not marked bad."""
        for one in chain:
            is_there = one.version.removed_at is None and one.version.bad_since is None
            if self._healthy.get(one.version_id) and is_there and one.version != besides:
                yield one
