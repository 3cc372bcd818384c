"""Renaming a machine, and forgetting it: what the record says of it changes, its disk is left alone."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask

from access import audit
from access.models import AuditEntry
from access.roles import MACHINES
from stacks import joining
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation
from stacks.operations.guards import refuse_unless_allowed
from stacks.operations.submission import describe


def rename(*, machine: Machine, name: str, by: User) -> None:
    """Give a machine another name; its workers answer to the old one until it joins again.

    Raises Refused while operations are unfinished, and for a name that is taken.
    """
    old = machine.name
    refuse_unless_allowed(by=by, right=MACHINES)
    try:
        with transaction.atomic():
            _hold(machine)
            joining.refuse_own_name(name)
            Machine.objects.filter(pk=machine.pk).update(name=name, awaited_since=Now())
            joining.note_withdrawn(joining.retire(old), by=by)
            said = f"The machine {old} was renamed {name}."
            audit.record(AuditEntry.Kind.MACHINE, said, by=by, machine=name, old=old, new=name)
    except IntegrityError:
        raise Refused(f"There is a machine “{name}” already: choose another name.") from None
    machine.refresh_from_db()


def forget(*, machine: Machine, by: User) -> None:
    """Remove all that is on record of a machine; nothing on its disk is touched. Raises Refused while it is at work."""
    refuse_unless_allowed(by=by, right=MACHINES)
    with transaction.atomic():
        _hold(machine)
        counted = held(machine)
        machine.activations.all().delete()  # they protect the versions
        PeriodicTask.objects.filter(scheduled__machine=machine).delete()  # else beat would ring for what is gone
        machine.delete()
        said = f"The machine {machine.name} was forgotten, with {counted} on record; its disk was left alone."
        audit.record(AuditEntry.Kind.MACHINE, said, by=by, machine=machine.name, old=machine.root)


def held(machine: Machine) -> str:
    """Say how much is on record of a machine."""
    versions, operations = machine.versions.count(), machine.operations.count()
    return f"{versions} version{'s' * (versions != 1)} and {operations} operation{'s' * (operations != 1)}"


def hindrance(machine: Machine) -> str:
    """Say why a machine can be neither renamed nor forgotten now, "" where it can."""
    if settings.DLSTACK.is_embedded and machine.name == settings.DLSTACK.machine:
        return (
            f"{machine.name} is this home's own machine, which each start adds under the name in DLSTACK_MACHINE: it "
            "can be neither renamed nor forgotten here."
        )
    unfinished = machine.operations.filter(state__in=Operation.UNFINISHED).select_related("machine", "requested_by")
    other = unfinished.first()
    return f"{describe(other)}: wait for it, or cancel it first." if other else ""


def _hold(machine: Machine) -> None:
    """Let nobody submit an operation until the transaction ends; raise Refused where one is unfinished."""
    # Whoever submits refers to this row, and so waits for it.
    if not Machine.objects.select_for_update().filter(pk=machine.pk, name=machine.name).exists():
        raise Refused(f"{machine.name} was renamed or forgotten meanwhile: look at the machines again.")
    if why := hindrance(machine):
        raise Refused(f"{why} Nothing was changed.")
