"""How long a kernelspec takes to come into the live version, beside a plain copy of the same tree.

    python -m bench.kernel_install [FILES] [ROUNDS]

Prints one line per round and the medians; needs root or a user with bubblewrap.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stacks.engine import owner, ramdisk, versions
from stacks.engine.layout import Layout
from tests.engine.conftest import Runner
from tests.kernels import corpus
from tests.kernels.test_change import in_library, sealed


def main(files: int = 40_000, rounds: int = 3) -> None:
    place = Path(tempfile.mkdtemp(prefix="dlstack-bench-"))
    place.chmod(0o755)
    layout = Layout(place / "data0")
    try:
        ramdisk.prepare(layout, owner.resolve())
        measure(layout, files, rounds)
    finally:
        shutil.rmtree(ramdisk.private_directory(layout), ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)


def measure(layout: Layout, files: int, rounds: int) -> None:
    runner = Runner(layout, owner.resolve())
    prepare(layout, runner, files)
    figures: dict[str, list[float]] = {"kernel-install": [], "revert": [], "cp -a": []}
    for number in range(rounds):
        figures["kernel-install"].append(
            timed(lambda n=number: runner.run("kernel-install", version=f"b{n}", kernel="tiny"))
        )
        figures["revert"].append(timed(lambda: runner.run("revert", version="a")))
        copy = layout.root / "copy"
        argv = ["cp", "-a", str(layout.version("a")), str(copy)]
        figures["cp -a"].append(timed(partial(subprocess.run, argv, check=True)))
        shutil.rmtree(copy)
        runner.run("remove", version=f"b{number}")
        print({name: round(values[-1], 2) for name, values in figures.items()})
    medians = {name: statistics.median(values) for name, values in figures.items()}
    count = versions.need_sealed(layout, "a").files
    ratio = medians["kernel-install"] / medians["cp -a"]
    print(json.dumps({"files": count, "medians_s": medians, "install_to_copy": round(ratio, 2)}, indent=1))


def prepare(layout: Layout, runner: Runner, files: int) -> None:
    stage = corpus.stage(layout, layout.building)
    for number in range(files // 100):
        package = stage.tree / f"anaconda3/lib/package{number}"
        package.mkdir()
        for file in range(100):
            (package / f"module{file}.py").write_text(f"NUMBER = {number}, {file}\n")
    sealed(stage)
    runner.run("deploy", version="a")
    in_library(stage, "tiny", "well")


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
