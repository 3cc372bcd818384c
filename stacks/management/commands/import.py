"""`dlstack import`: an empty database becomes what a bundle holds."""  # noqa: N999 — a verb is named by its module

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from stacks import bundles
from stacks.embedded.home import locked, prepare_home
from stacks.management.verb import DONE, Verb


class Command(Verb):
    help = "Fill an empty database, SQLite or PostgreSQL, with what “dlstack export” wrote; nothing is overwritten."
    takes_machine = False
    needs_home = False  # which would fill it

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what “dlstack export” wrote")
        parser.add_argument("--dry-run", action="store_true", help="only look whether the file is whole and fits")

    def carry_out(self, options: dict[str, Any]) -> int:
        with bundles.opened(Path(os.path.abspath(options["file"]))) as bundle:
            if not options["dry_run"]:
                prepare_home(settings.DLSTACK)
                with locked(settings.DLSTACK, "bootstrap"):
                    bundles.restore(bundle, by=None)
            self._tell(bundle, imported=not options["dry_run"])
        return DONE

    def _tell(self, bundle: bundles.Bundle, *, imported: bool) -> None:
        here, there = settings.DLSTACK.told, bundle.index["settings"]
        unlike = {name: value for name, value in there.items() if here.get(name) != value}
        if self.is_json:
            self.document(
                {"imported": imported, "rows": bundle.rows, "made_at": bundle.index["made_at"], "unlike": unlike}
            )
        self.say(f"{'Imported' if imported else 'Whole'}: {bundle.rows:,} rows of {bundle.index['made_at']}.")
        for name, value in unlike.items():
            self.say(f"There it was, and here it is not: {name}={value}")
