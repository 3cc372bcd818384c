"""A reader that never rests: reads files through the live path and counts what fails or is mixed.

Run as a process of its own: python probe.py LIVE FILE…; at the end of its standard input it prints one JSON document
{"reads", "failed", "mixed"}. A round reads all the files after resolving the live path once, as a program does that
was started from it; every file must name the same version. `failed` counts rounds in which any file could not be read.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Self


def main(live: str, files: list[str]) -> None:
    counts = {"reads": 0, "failed": 0, "mixed": 0}
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        counts["reads"] += 1
        try:
            tree = os.path.realpath(live, strict=True)
            contents = {Path(tree, file).read_text() for file in files}
            for file in files:
                Path(live, file).read_bytes()
            counts["mixed"] += len(contents) != 1
        except OSError:
            counts["failed"] += 1
    print(json.dumps(counts))


class Probe:
    """Runs the reader beside the work in a `with` block; `counts` are there after it.

    `within` is put before its command, as for a machine with mounts of its own.
    """

    def __init__(self, live: Path, files: list[str], within: tuple[str, ...] = ()) -> None:
        self._argv = [*within, sys.executable, "-I", __file__, str(live), *files]
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *exception: object) -> None:
        output, _ = self._process.communicate("")
        self.counts = json.loads(output)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
