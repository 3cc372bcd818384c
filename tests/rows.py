"""Every row of the database that the environment names, read column by column: python -m tests.rows FILE."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

Rows = dict[str, dict[str, dict[str, Any]]]  # by table and key
# What each migration makes, with keys of its own in each database; who is signed in, and tried to; beat's own note.
LEFT = (
    *("auth_group", "auth_permission", "django_content_type", "access_session", "access_signintry"),
    "django_celery_beat_periodictasks",
)


def main(file: Path) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
    django.setup()
    from django.apps import apps
    from django.contrib.auth.models import User

    models = [model for model in apps.get_models() if model._meta.db_table not in LEFT]
    found: dict[str, Any] = {
        model._meta.db_table: {str(row["pk"]): row for row in model._base_manager.values("pk", *_columns(model))}
        for model in models
    }
    found["roles"] = {str(user.pk): sorted(user.groups.values_list("name", flat=True)) for user in User.objects.all()}
    file.write_text(json.dumps(found, default=_told, sort_keys=True))


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _told(value: Any) -> str:
    """Spell what JSON does not know, with each digit that it has."""
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
