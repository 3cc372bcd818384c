"""`dlstack export`: all that DLStack itself has on record, as one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from access.roles import MACHINES
from stacks import bundles
from stacks.management.verb import DONE, Verb, requester


class Command(Verb):
    help = "Write all of DLStack's own records to one file, while everything goes on; “dlstack import” reads it."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the new file; keep it secret: it holds password digests")

    def carry_out(self, options: dict[str, Any]) -> int:
        path = Path(os.path.abspath(options["file"]))
        index = bundles.write(path, by=requester(MACHINES))
        rows, size = sum(table["rows"] for table in index["tables"].values()), path.stat().st_size
        if self.is_json:
            self.document({"file": str(path), "rows": rows, "bytes": size, "dlstack": index["dlstack"]})
        self.say(f"{path}: {rows:,} rows, {size / 1e6:,.1f} MB. It holds password digests: keep it secret.")
        return DONE
