"""The engine's own command: one verb on one root, from the disk alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from stacks.engine.command import arguments, changing, showing
from stacks.engine.errors import EngineError, Refused
from stacks.engine.layout import Layout


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0 done, 1 it failed, 2 refused with one line that says why."""
    asked = arguments.parser().parse_args(words)
    try:
        layout = Layout(asked.root)
        return showing.status(layout, asked) if asked.verb == "status" else changing.operate(layout, asked)
    except Refused as error:
        print(f"dlstack: {error}", file=sys.stderr)
        return 2
    except (EngineError, OSError) as error:
        print(f"dlstack: {error}", file=sys.stderr)
        return 1


__all__ = ["main"]
