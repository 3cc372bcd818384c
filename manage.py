#!/usr/bin/env python
"""Django's usual door to the command line; `dlstack` is the same."""

import sys

from dlstackweb.command import main

if __name__ == "__main__":
    sys.exit(main())
