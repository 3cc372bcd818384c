"""Compile an environment's modules; run by its own Python: python -I bytecode.py LIBRARY.

What does not compile is passed over, as it is by installers: packages carry files for other Pythons and templates.
"""

from __future__ import annotations

import compileall
import sys

if __name__ == "__main__":
    compileall.compile_dir(sys.argv[1], quiet=2, workers=0)
