"""Compile modules: python -I bytecode.py LIBRARY PLACE PREFIX [LIST].

LIBRARY lies in PLACE, and its modules name the PREFIX that they will be found at. LIST is a JSON file of paths below
LIBRARY, without which all are compiled. What does not compile is passed over, as it is by installers: packages carry
files for other Pythons and templates.
"""

from __future__ import annotations

import compileall
import json
import os
import sys
from functools import partial
from pathlib import Path

_PART = 32  # modules that a process is given at once


def main(library: str, place: str, prefix: str, listed: str = "") -> None:
    """Compile on all processors."""
    if not listed:
        compileall.compile_dir(library, quiet=2, workers=0, stripdir=place, prependdir=prefix)
        return
    from concurrent.futures import ProcessPoolExecutor

    paths = [os.path.join(library, path) for path in json.loads(Path(listed).read_text("utf-8"))]
    work = partial(compileall.compile_file, quiet=2, stripdir=place, prependdir=prefix)
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 1 + len(paths) // _PART)) as pool:
        for _ in pool.map(work, paths, chunksize=_PART):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
