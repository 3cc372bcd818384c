"""The `dlstack` command: every verb is a management command."""

from __future__ import annotations

import os
import secrets
import sys


def main(argv: list[str] | None = None) -> int:
    """Run one verb; give back the exit status where the verb does not exit by itself."""
    words = sys.argv[1:] if argv is None else argv
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
    if words[:1] == ["join"]:  # a machine that joins is given its key: none is made and left behind in a home
        os.environ.setdefault("DLSTACK_SECRET_KEY", secrets.token_urlsafe(48))
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(["dlstack", *words])
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0
