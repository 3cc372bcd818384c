"""Compile an environment's modules; run by its own Python: python -I bytecode.py LIBRARY PLACE PREFIX.

LIBRARY lies in PLACE, and its modules name the PREFIX that they will be found at. What does not compile is passed over,
as it is by installers: packages carry files for other Pythons and templates.
"""

from __future__ import annotations

import compileall
import sys

if __name__ == "__main__":
    library, place, prefix = sys.argv[1:]
    compileall.compile_dir(library, quiet=2, workers=0, stripdir=place, prependdir=prefix)
