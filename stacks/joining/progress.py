"""How far a machine has come on its way in: token, command, first answer, provision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from stacks import joining, presence
from stacks.models import Joining, Machine, Worker


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of an invitation; `over` says why its token opens nothing any more, where it was not used."""

    joining: Joining
    over: str
    workers: list[Worker]

    @property
    def machine(self) -> Machine | None:
        """The machine, once it joined; one that joins again counts only when it did."""
        return self.joining.machine if self.joining.used_at else None

    @property
    def answered(self) -> bool:
        """Tell whether a worker of the machine answered since."""
        return bool(self.workers)

    @property
    def is_late(self) -> bool:
        """Tell whether the command was typed and no worker answered for longer than they are silent."""
        used = self.joining.used_at
        return bool(used and not self.answered and timezone.now() - used > presence.SILENT_AFTER)

    @property
    def is_ready(self) -> bool:
        """Tell whether the machine has its ramdisk: then there is nothing to provision."""
        return bool(self.machine and self.machine.observed.get("ramdisk", {}).get("is_tmpfs"))

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing more comes by itself."""
        return self.answered or bool(self.over)

    @property
    def facts(self) -> dict[str, Any]:
        """What the machine told of itself."""
        return next((worker.facts for worker in self.workers if worker.facts), {})


def of(invitation: Joining) -> Progress:
    """Look at an invitation."""
    return of_all([invitation])[0]


def of_all(invitations: Iterable[Joining]) -> list[Progress]:
    """Look at invitations, in one query more than they took."""
    listed = list(invitations)
    machines = [one.machine for one in listed if one.used_at and one.machine]
    workers: dict[int, list[Worker]] = {}
    for worker in presence.heard(machines):
        workers.setdefault(worker.machine_id, []).append(worker)
    return [_of(one, workers) for one in listed]


def _of(invitation: Joining, workers: dict[int, list[Worker]]) -> Progress:
    if invitation.used_at is None or invitation.machine_id is None:
        return Progress(invitation, joining.over(invitation), [])
    return Progress(invitation, "", workers.get(invitation.machine_id, []))
