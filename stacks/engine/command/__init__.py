"""The engine's own command: one verb on one root, from the disk alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from stacks.engine.command import arguments, changing, provisioning, showing
from stacks.engine.errors import EngineError, NothingToDo, Refused
from stacks.engine.layout import Layout
from stacks.engine.provision import Host


def main(words: Sequence[str] | None = None, *, host: Host | None = None) -> int:
    """Run one verb; returns the exit status: 0 done, 1 it failed, 2 refused with one line that says why.

    `host` is the machine to provision, by default the one that this runs on.
    """
    asked = arguments.parser().parse_args(words)
    try:
        layout = Layout(asked.root)
        if asked.verb == "status":
            return showing.status(layout, asked)
        if asked.verb == "provision":
            return provisioning.operate(layout, asked, host)
        return changing.operate(layout, asked)
    except NothingToDo as error:
        showing.nothing_to_do(asked, str(error))
        return 0
    except Refused as error:
        print(f"dlstack: {error}", file=sys.stderr)
        return 2
    except (EngineError, OSError) as error:
        print(f"dlstack: {error}", file=sys.stderr)
        return 1


__all__ = ["main"]
