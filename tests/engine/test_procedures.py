"""The manual's three procedures from start to end, on a root with a mounted tmpfs, and what is on disk after each."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.engine import externals, journal, mounts, status
from stacks.engine.kernels.pinning import is_pinned, unpin
from stacks.engine.layout import IDENTITY, Layout
from tests.engine.conftest import Runner, write_tree
from tests.engine.machines import OWNER, machine_place, needs_root, provisioned
from tests.wheels import tiny_index, tiny_recipe

pytestmark = needs_root
LAYOUTS = ("resident", "in-place")
SPEC = {"argv": ["{prefix}/bin/python", "{connection_file}"], "display_name": "Library", "language": "python"}


@pytest.fixture(params=LAYOUTS)
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    """A machine that was just provisioned."""
    with machine_place() as place:
        yield provisioned(place, request.param)


def build(runner: Runner, name: str, *packages: str) -> None:
    """Build a version with an environment of our own, one of another group, and the machine's kernelspecs."""
    layout, place = runner.layout, runner.layout.root.parent
    if not (place / "index").exists():
        tiny_index(place / "index")
        theirs = place / "theirs"
        write_tree(theirs, {"bin/python": "#!", "data": "antares"}, 1_500_000_000)
        for path in (theirs, *theirs.rglob("*")):
            os.lchown(path, 899, 899)
        (layout.kernel_specs / "library").mkdir()
        spec = SPEC | {"argv": [f"{layout.live}/anaconda3/bin/python", "{connection_file}"]}
        (layout.kernel_specs / "library/kernel.json").write_text(json.dumps(spec))
    external = '\n[[environments]]\npath = "antares-kernel"\ninstaller = "external"\nowner = "899:899"\n'
    text = tiny_recipe(tiny_index(place / "index"), *packages) + external + f'source = "{place / "theirs"}"\n'
    kernel_dir = str(layout.kernel_specs)
    runner.run("build", version=name, generation=len(name), recipe_text=text, kernel_dir=kernel_dir)


def as_the_manual_says(layout: Layout, name: str, there: list[str]) -> None:
    """Assert paths, links, contents and owners after a version was put into production."""
    in_place = (layout.state / "in-place").exists()
    assert os.readlink(layout.live) == ("sw.tmpfs" if in_place else f"sw.tmpfs/{name}")
    assert os.readlink(layout.backing) == f"sw.{name}"
    assert os.path.ismount(layout.ramdisk)
    assert mounts.filesystem(layout.ramdisk) == "tmpfs"
    assert sorted(path.name for path in layout.root.iterdir()) == sorted(
        [".dlstack", "kernel-specs", "sw", "sw.hdd", "sw.tmpfs", *(f"sw.{one}" for one in there)]
    )
    disk, ram = layout.version(name), Path(os.path.realpath(layout.live))
    assert ram == (layout.ramdisk if in_place else layout.ramdisk / name)
    rsync_has_nothing_to_do(disk, ram)
    for tree in (disk, ram):
        owned(tree)
    library = layout.live / "anaconda3/share/jupyter/kernels/library/kernel.json"
    installed = json.loads(library.read_text())
    assert unpin(installed) == json.loads((layout.kernel_specs / "library/kernel.json").read_text())
    assert is_pinned(installed)
    found = status.read(layout)
    assert (found["active"], found["backing"], found["problems"]) == (name, name, [])
    assert found["layout"] == LAYOUTS[in_place]


def rsync_has_nothing_to_do(disk: Path, ram: Path) -> None:
    """Assert that the manual's own command finds two trees equal: bytes, modes, owners, times, attributes."""
    argv = ["rsync", "-aHAX", "--numeric-ids", "--checksum", "--delete", "--dry-run", "--itemize-changes"]
    argv += [f"--exclude=/{IDENTITY}", "--exclude=/.dlstack", f"{disk}/", f"{ram}/"]
    changes = subprocess.check_output(argv, text=True).splitlines()
    assert [line for line in changes if not line.endswith(" ./")] == []


def owned(tree: Path) -> None:
    """Assert that every path is the owner's, and the external environment's its own."""
    for path in tree.rglob("*"):
        top = path.relative_to(tree).parts[0]
        if top in (IDENTITY, ".dlstack"):
            continue
        status = path.lstat()
        wanted = (899, 899) if top == "antares-kernel" else (OWNER.uid, OWNER.gid)
        assert (status.st_uid, status.st_gid) == wanted, path


def says(layout: Layout) -> str:
    return subprocess.check_output([layout.live / "anaconda3/bin/tiny-sky"], text=True).strip()


def test_new_machine_update_revert(runner: Runner) -> None:
    layout = runner.layout
    in_place = (layout.state / "in-place").exists()
    assert os.path.lexists(layout.live) == in_place
    build(runner, "2026-10-01")
    runner.run("deploy", version="2026-10-01")
    as_the_manual_says(layout, "2026-10-01", ["2026-10-01"])
    assert says(layout) == "sky 1.0"
    theirs = externals.look(layout.live / "antares-kernel")

    build(runner, "2026-11-01", "tiny-star", "tiny-sky==2.0")
    assert says(layout) == "sky 1.0"
    runner.run("deploy", version="2026-11-01")
    as_the_manual_says(layout, "2026-11-01", ["2026-10-01", "2026-11-01"])
    assert says(layout) == "sky 2.0"
    assert externals.look(Path(os.path.realpath(layout.live)) / "antares-kernel") == theirs

    runner.run("revert", version="2026-10-01")
    as_the_manual_says(layout, "2026-10-01", ["2026-10-01", "2026-11-01"])
    assert says(layout) == "sky 1.0"
    assert externals.look(Path(os.path.realpath(layout.live)) / "antares-kernel") == theirs
    kinds = [(entry["kind"], entry["version"], entry["outcome"]) for entry in journal.history(layout)]
    assert kinds == [
        ("build", "2026-10-01", "succeeded"), ("deploy", "2026-10-01", "succeeded"),
        ("build", "2026-11-01", "succeeded"), ("deploy", "2026-11-01", "succeeded"),
        ("revert", "2026-10-01", "succeeded"),
    ]  # fmt: skip
