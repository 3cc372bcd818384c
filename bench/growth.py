"""How costs grow: with the files of a version, with the versions of a machine, with the machines of a control plane.

    python -m bench.growth [--quick] [--json FILE]

Files are small and made up, a hundred in a directory; a second version differs in every fiftieth. Plans are carried
out as a worker does, without database and queue. Beside each stands what is done by hand.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.byhand import rsync, timed
from bench.figures import Table, calm, run
from stacks.engine import keeping, owner, ramdisk, resident, status
from stacks.engine.layout import Layout
from tests.engine.conftest import Runner, seal_building

FILES = (10_000, 100_000, 300_000)
VERSIONS = (1, 2, 5, 10, 20)
MACHINES = (1, 10, 50, 200)
PER_DIRECTORY, CHANGED = 100, 50
SMALL = 3_000  # files of a version, where versions are counted


def main(table: Table, quick: bool) -> None:
    for files in FILES[:1] if quick else FILES:
        with machine() as runner:
            with_files(table, runner, files)
    with machine() as runner:
        with_versions(table, runner, VERSIONS[:3] if quick else VERSIONS)
    for machines in MACHINES[:2] if quick else MACHINES:
        with_machines(table, machines)


@contextmanager
def machine() -> Iterator[Runner]:
    """Give an empty root with its ramdisk in shared memory, and remove both."""
    place = Path(tempfile.mkdtemp(prefix="dlstack-bench-"))
    place.chmod(0o755)
    layout = Layout(place / "data0")
    try:
        ramdisk.prepare(layout, owner.resolve())
        yield Runner(layout, owner.resolve())
    finally:
        shutil.rmtree(ramdisk.private_directory(layout), ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)


def with_files(table: Table, runner: Runner, files: int) -> None:
    """Seal two versions of so many files, deploy the second beside the first, revert; and the same by hand."""
    layout = runner.layout
    write(layout, files)
    add(table, "seal the first version", [timed(partial(seal_building, layout, "a"))], files)
    runner.run("deploy", version="a")
    change(layout, "a", files)
    add(table, "seal the second", [timed(partial(seal_building, layout, "b"))], files)
    by_hand = layout.ramdisk / ".by-hand"
    calm(10)
    rounds = 2 if files < FILES[1] else 1
    theirs, ours = [], []
    for _ in range(rounds):
        shutil.rmtree(by_hand, ignore_errors=True)
        theirs.append(timed(partial(rsync, layout.version("b"), by_hand)))
        leave_ram(layout.resident("b"))
        ours.append(timed(partial(carry_out, runner, "deploy", "b")))
        runner.run("revert", version="a")
    add(table, "rsync -a into RAM", theirs, files)
    add(table, "deploy the second", ours, files)
    pairs = [("a", "b"), ("b", "a")][:rounds]
    manual = [timed(partial(rsync, layout.version(to), by_hand, "--delete")) for to, _ in pairs]
    add(table, "revert by rsync -a --delete", manual, files)
    add(table, "revert", [timed(partial(carry_out, runner, "revert", other)) for _, other in pairs], files)


def add(table: Table, what: str, taken: list[float], files: int) -> None:
    table.add(f"{files:,} files: {what}", taken, "s", curve=f"files: {what}", at=files)


def carry_out(runner: Runner, kind: str, version: str) -> None:
    with keeping.until_the_end():
        runner.run(kind, version=version)


def leave_ram(tree: Path) -> None:
    """Take a resident version out of RAM, if it is there, as a reboot would."""
    if tree.exists():
        aside = tree.with_name(".bench-aside")
        tree.rename(aside)
        shutil.rmtree(aside)


def write(layout: Layout, files: int) -> None:
    """Write a tree of so many files into the build area."""
    for first in range(0, files, PER_DIRECTORY):
        place = _package(layout, first)
        Path(place).mkdir(parents=True)
        for number in range(first, first + PER_DIRECTORY):
            _write(f"{place}/{_module(number)}", number)


def change(layout: Layout, name: str, files: int) -> None:
    """Make the tree of a version that differs in every so many files, in the build area."""
    subprocess.run(["cp", "-al", str(layout.version(name)), str(layout.building)], check=True)
    (layout.building / ".dlstack.json").unlink()
    for number in range(0, files, CHANGED):
        file = f"{_package(layout, number)}/{_module(number)}"
        Path(file).unlink()
        _write(file, -number)


def _package(layout: Layout, number: int) -> str:
    return f"{layout.building}/anaconda3/lib/package{number // PER_DIRECTORY}"


def _module(number: int) -> str:
    return f"module{number % PER_DIRECTORY}.py"


def _write(path: str, number: int) -> None:
    with open(path, "xb", buffering=0) as file:  # hundreds of thousands: a Path each takes as long as the file
        file.write(f"NUMBER = {number}\n".encode() * 40)


def with_versions(table: Table, runner: Runner, counts: tuple[int, ...]) -> None:
    """Look at a machine, deploy and revert, while there are so many versions, two of them in RAM."""
    layout, made = runner.layout, 0
    for count in counts:
        while made < count:
            if made:
                change(layout, f"v{made - 1}", SMALL)
            else:
                write(layout, SMALL)
            seal_building(layout, f"v{made}")
            made += 1
        newest, other = f"v{made - 1}", f"v{made - 2}"
        tell = partial(_tell, table, count)
        tell("look at a machine", partial(status.read, layout), times=5)
        if count > 1 and resident.active(layout) != other:
            runner.run("deploy", version=other)
        tell("deploy", partial(carry_out, runner, "deploy", newest))
        if count > 1:
            tell("revert", partial(carry_out, runner, "revert", other))


def _tell(table: Table, count: int, what: str, work: Callable[[], object], *, times: int = 1) -> None:
    taken = [timed(work) for _ in range(times)]
    table.add(f"{count} versions of {SMALL:,} files: {what}", taken, "s", curve=f"versions: {what}", at=count)


def with_machines(table: Table, machines: int) -> None:
    """Ask for pages in a process of their own, with a database of so many machines."""
    argv = [sys.executable, "-m", "bench.machines", str(machines)]
    told = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    for page, taken in told.items():
        table.add(f"{machines} machines: {page}", taken, "ms", curve=f"machines: {page}", at=machines)


if __name__ == "__main__":
    run(main, __doc__ or "")
