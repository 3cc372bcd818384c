"""The database of the tests, named as other processes take it."""

from __future__ import annotations

from urllib.parse import quote

from django.db import connection


def url() -> str:
    """Give the DATABASE_URL of the database that this process's tests use."""
    told = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{told['NAME']}"
    return f"postgres://{told['USER']}@{quote(str(told['HOST']), safe='')}/{told['NAME']}"
