"""Whether this code and the database, and what others write into it, are of one age (fault F29)."""

from __future__ import annotations

from functools import lru_cache

from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from stacks import plans
from stacks.models import Operation
from stacks.models.operations import FORMAT

APPS = ("stacks", "kernels", "access")


def hindrance() -> str:
    """Say why this code may not touch the database as it is, "" when it may."""
    known, applied = set(_known()), _applied()
    if newer := sorted(applied - known):
        return f"The database is newer than this DLStack ({', '.join(newer)}): upgrade it here and start it again."
    if missing := sorted(known - applied):
        return f"The database is older than this DLStack (without {', '.join(missing)}): run “dlstack migrate”."
    return ""


def misread(operation: Operation) -> str:
    """Say why this code would not do what an operation asks for, "" when it would."""
    machine = operation.machine.name
    mend = f"Upgrade DLStack on {machine}, start its workers again, and retry."
    if operation.format > FORMAT:
        asked = f"format {operation.format} of parameters, this worker knows {FORMAT}"
        return f"The {operation.kind} was asked for by a newer DLStack ({asked}): nothing was begun. {mend}"
    if operation.kind not in plans.PLANS:
        return f"The worker of {machine} does not know the operation “{operation.kind}”: nothing was begun. {mend}"
    return ""


def schema() -> str:
    """Name the database that this code was written for: the last migration of each app."""
    return " ".join(max(name for name in _known() if name.startswith(f"{app}.")) for app in APPS)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    disk = MigrationLoader(None).disk_migrations
    return frozenset(f"{app}.{name}" for app, name in disk or () if app in APPS)


def _applied() -> set[str]:
    rows = MigrationRecorder.Migration.objects.filter(app__in=APPS).values_list("app", "name")
    return {f"{app}.{name}" for app, name in rows}
