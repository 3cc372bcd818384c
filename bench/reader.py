"""A reader that never rests: it counts the reads through a live path that fail or mix two versions.

Run as a process of its own: python reader.py LIVE LIST; at the end of its standard input it prints one JSON document.
LIST is a JSON file of [path, digest in one version, digest in the other]. A read is what a program does that begins:
it resolves the live path once, reads a handful of files below it, and one more through the live path itself.
"""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blake3 import blake3

HANDFUL = 6
READERS = 2
Counts = dict[str, int]
Known = tuple[str, str, str]


def main(live: str, listed: str) -> None:
    known: list[Known] = json.loads(Path(listed).read_text())
    counts = {"reads": 0, "failed": 0, "mixed": 0}
    chance = random.Random(os.getpid())
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        counts["reads"] += 1
        try:
            tree = os.path.realpath(live, strict=True)
            handful = chance.sample(known, HANDFUL)
            fits = [[digest(tree, path) == one for path, *both in handful for one in [both[at]]] for at in (0, 1)]
            path, *both = chance.choice(known)
            counts["mixed"] += not any(map(all, fits)) or digest(live, path) not in both
        except OSError:
            counts["failed"] += 1
    print(json.dumps(counts))


def digest(tree: str, path: str) -> str:
    return blake3(Path(tree, path).read_bytes()).hexdigest()


@contextmanager
def reading(live: Path, listed: Path) -> Iterator[Counts]:
    """Let readers read while the block runs; what they counted is in the dictionary after it."""
    argv = [sys.executable, __file__, str(live), str(listed)]
    started = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(READERS)]
    counts: Counts = {"reads": 0, "failed": 0, "mixed": 0}
    try:
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        yield counts
    finally:
        for process in started:
            for name, count in json.loads(process.communicate("")[0]).items():
                counts[name] += count


def failing(counts: Counts) -> float:
    """The share of reads that failed or mixed two versions, in percent."""
    return 100 * (counts["failed"] + counts["mixed"]) / max(1, counts["reads"])


if __name__ == "__main__":
    main(*sys.argv[1:])
