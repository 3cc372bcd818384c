"""Gives every account that was there before roles the one that fits what it could do."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def assign(apps: Any, schema_editor: Any) -> None:
    groups = {
        name: apps.get_model("auth", "Group").objects.get_or_create(name=name)[0]
        for name in ("viewer", "operator", "admin")
    }
    for user in apps.get_model("auth", "User").objects.all():
        could = user.user_permissions.filter(content_type__app_label="stacks", codename="add_operation")
        role = "admin" if user.is_superuser else "operator" if could.exists() else "viewer"
        user.groups.add(groups[role])
        user.user_permissions.remove(*could)


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [migrations.RunPython(assign, migrations.RunPython.noop)]
