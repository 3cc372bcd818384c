"""The `dlstack` command: every verb is a management command."""

from __future__ import annotations

import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Run one verb; give back the exit status where the verb does not exit by itself."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(["dlstack", *(sys.argv[1:] if argv is None else argv)])
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0
