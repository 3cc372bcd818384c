"""The command that works when web, database and broker are gone: python -m stacks.engine VERB ROOT … (design §9)."""

from __future__ import annotations

import sys

from stacks.engine.command import main

if __name__ == "__main__":
    sys.exit(main())
