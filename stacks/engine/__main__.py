"""The command that works when web, database and broker are gone: python -m stacks.engine VERB ROOT … (design §9)."""

from __future__ import annotations

import sys

try:
    from stacks.engine.command import main
except OSError as error:  # the disk on which this program lies fails
    sys.exit(f"dlstack: {error}")

if __name__ == "__main__":
    sys.exit(main())
