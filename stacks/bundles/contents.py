"""What is in a bundle: a zip file of one table a member, as lines of JSON, a few files of the home, and an index.

Rows are written by Django's serializers with their keys, so that either database takes them. References to roles and
rights are by name: those rows are made by the code, in each database anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.serializers import jsonl
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.migrations.recorder import MigrationRecorder

FORMAT = 1
INDEX = "index.json"
# What a database makes by itself, what lasts as long as a browser's window, and tries to sign in.
LEFT_OUT = frozenset(
    {
        *("auth.group", "auth.permission", "contenttypes.contenttype", "access.session", "access.signintry"),
        "django_celery_beat.periodictasks",  # when beat's table was changed last: it is, by being written
    }
)

Model = type[models.Model]


def tables() -> dict[str, Model]:
    """Give the models whose rows are in a bundle, by their labels."""
    found = {label_of(model): model for model in apps.get_models()}
    return {label: found[label] for label in sorted(found) if label not in LEFT_OUT}


def label_of(model: Model) -> str:
    """Name a model as serialized rows do."""
    return str(model._meta.label_lower)  # noqa: SLF001 — Django documents it


def rows(model: Model) -> models.QuerySet[models.Model]:
    """Give all rows of a model, whatever its own managers leave out."""
    return model._base_manager.order_by("pk")  # noqa: SLF001 — Django documents it


def member(label: str) -> str:
    """Name the member of a table."""
    return f"tables/{label}.jsonl"


def files() -> dict[str, Path]:
    """Give the files of a home that are in a bundle, by their members; none of them is a secret."""
    known_hosts = settings.DLSTACK.wire.known_hosts
    return {"files/known_hosts": known_hosts} if known_hosts else {}


def schema() -> list[str]:
    """Name the migrations that the database has had."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder.Migration.objects.values_list("app", "name"))


class _Exact(DjangoJSONEncoder):
    """Keeps microseconds, over which digests of the audit trail were made."""

    def default(self, value: Any) -> Any:
        """Write what JSON has no word for."""
        return value.isoformat() if isinstance(value, datetime) else super().default(value)


class _Serializer(jsonl.Serializer):
    """Names roles and rights, and tells all other rows by their keys."""

    def handle_fk_field(self, obj: models.Model, field: Any) -> None:
        """Write a reference as the key that it is."""
        self._current[field.name] = self._value_from_field(obj, field)  # type: ignore[attr-defined]


def serialize(rows: Iterator[models.Model], stream: Any) -> None:
    """Write rows as lines of JSON."""
    _Serializer().serialize(rows, stream=stream, cls=_Exact, use_natural_foreign_keys=True)
