"""What is submitted without a click: a restore after a reboot, and backups when their time has come."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import Max, Min, OuterRef, Q, Subquery
from django.utils import timezone

from stacks.engine import resident
from stacks.engine.errors import EngineError, Refused
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation
from stacks.operations import keeping
from stacks.problems import Problems

AFTER_REBOOT = "The ramdisk was empty when the worker started."
SCHEDULED = "Scheduled"

_OVERDUE = {
    "code": "backup-overdue",
    "message": "What users changed in the active tree was not backed up for more than two periods.",
    "action": "Look at the last backup among the operations, and back up by hand.",
}

logger = logging.getLogger(__name__)


def restore_after_reboot(machine: Machine) -> Operation | None:
    """Submit a restore where the ramdisk of this machine lost what the backing link names; None where all is well."""
    if not resident.is_lost(Layout(Path(machine.root))):
        return None
    try:
        return keeping.restore(machine=machine, requested_by=None, reason=AFTER_REBOOT)
    except Refused as refusal:  # the other lane's worker was first, or it cannot be done: status says why
        logger.warning("No restore of %s: %s", machine, refusal)
        return None


def back_up_due(*, of: Machine | None = None) -> list[Operation]:
    """Submit a backup of each machine whose last one, however it ended, is older than its period; not of frozen ones.

    With `of` only that machine is looked at. A backup makes what it kept active.
    """
    # The last by number: a clock that once was years ahead must not put off all backups to come.
    backups = Operation.objects.filter(machine=OuterRef("pk"), kind=Operation.Kind.BACKUP).order_by("-pk")
    last = Subquery(backups.values("created_at")[:1])
    machines = Machine.objects.filter(backup_every__gt=0, frozen_since=None).defer("observed")
    if of is not None:
        machines = machines.filter(pk=of.pk)
    machines = machines.annotate(last_backup=last)
    due = [machine for machine in machines if _is_due(machine, machine.last_backup)]
    return [operation for machine in due if (operation := _back_up(machine)) is not None]


def overdue(machines: Collection[Machine]) -> Problems:
    """Give the machines whose last good backup is older than two periods, in one query."""
    good = Q(operations__kind=Operation.Kind.BACKUP, operations__state=Operation.State.SUCCEEDED)
    asked = Machine.objects.filter(pk__in=[machine.pk for machine in machines], backup_every__gt=0)
    dated = asked.annotate(
        good=Max("operations__finished_at", filter=good),
        first=Min("operations__created_at", filter=Q(operations__kind=Operation.Kind.BACKUP)),
    )
    since = {machine: machine.good or machine.first or machine.created_at for machine in dated}
    return {machine.pk: [_OVERDUE] for machine, at in since.items() if _is_overdue(machine, at)}


def _is_overdue(machine: Machine, since: datetime) -> bool:
    return timezone.now() - since >= timedelta(hours=2 * machine.backup_every)


def _is_due(machine: Machine, last: datetime | None) -> bool:
    return last is None or abs(timezone.now() - last) >= timedelta(hours=machine.backup_every)


def _back_up(machine: Machine) -> Operation | None:
    try:
        return keeping.backup(machine=machine, requested_by=None, reason=SCHEDULED)
    except (EngineError, OSError) as problem:  # a busy lane, or no tree to trust: the next round tries again
        logger.info("No backup of %s now: %s", machine, problem)
        return None
