"""What does not fit is refused before it begins, with numbers: bytes as bytes, inodes as inodes, memory as memory."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.engine import memory, mounts, room, versions
from stacks.engine.errors import Refused
from stacks.engine.manifest import Entry, Manifest
from stacks.engine.mounts import Room
from stacks.engine.room import Need
from stacks.plans import kernels
from tests.engine.conftest import Runner
from tests.engine.machines import needs_root, unmount_below
from tests.faults.resources.tight import Tight, What, Where, drift, populate, tight, tmpfs
from tests.wheels import tiny_index, tiny_recipe

pytestmark = needs_root


@pytest.fixture
def machine() -> Iterator[Tight]:
    with tight() as made:
        yield made


@pytest.fixture
def runner(machine: Tight) -> Runner:
    return populate(machine)


def asked(machine: Tight, kind: str) -> dict[str, object]:
    if kind == "build":
        index = tiny_index(machine.layout.root.parent.parent / "index")
        return {"version": "c", "generation": 9, "recipe_text": tiny_recipe(index)}
    return {"version": "b"} if kind in ("deploy", "revert") else {}


@pytest.mark.parametrize(
    ("kind", "where", "what"),
    [
        *((kind, "ramdisk", what) for kind in ("deploy", "revert", "discard") for what in ("bytes", "inodes")),
        ("backup", "ramdisk", "inodes"),  # its bytes are shared
        *((kind, "disk", what) for kind in ("build", "backup") for what in ("bytes", "inodes")),
    ],
)
def test_it_is_refused_with_numbers_and_nothing_is_begun(
    machine: Tight, runner: Runner, kind: str, where: Where, what: What
) -> None:
    if kind == "backup":
        drift(machine)
    before, wanted = machine.state(), asked(machine, kind)
    machine.fill(where, what, leave=200_000 if what == "bytes" else 20)
    number = r"about [\d.,]+ MB on the .*, which has [\d.]+ MB free \([\d.]+ MB stay in reserve\)"
    if what == "inodes":
        number = r"about \d+ inodes on the .*, which has \d+ free \(16 stay in reserve\)"
    with pytest.raises(Refused, match=f"{number}: re") as refusal:
        runner.run(kind, **wanted)
    assert ("the ramdisk" if where == "ramdisk" else "the disk of") in str(refusal.value)
    assert machine.state() == before


def test_a_kernelspec_is_not_installed_where_its_directories_do_not_fit(machine: Tight, runner: Runner) -> None:
    machine.fill("ramdisk", "inodes", leave=18)
    with pytest.raises(Refused, match=r"about \d+ inodes on the ramdisk, which has \d+ free"):
        kernels._check_room(machine.layout, versions.need_sealed(machine.layout, "a"), "a-k")


def test_a_tenth_is_added_and_a_reserve_kept() -> None:
    found = Room(1000 * 10**6, 500 * 10**6, 1000)
    assert room.spare(found) == 62_500_000
    assert room.spare(Room(10**12, 10**12, None)) == room.SPARE


def test_the_need_of_a_copy_is_what_is_not_shared(machine: Tight, runner: Runner) -> None:
    layout = machine.layout
    a, b = versions.tree(layout, "a"), versions.tree(layout, "b")
    whole, more = room.of_copy(b.manifest), room.of_copy(b.manifest, [a])
    assert whole.inodes == len(b.manifest.entries)
    own = [entry for entry in b.manifest.entries if entry.path in ("own", "env/lib/own")]
    directories = [entry for entry in b.manifest.entries if entry.type == "d"]
    assert more == Need(sum(-(-entry.size // 4096) * 4096 for entry in own), whole.inodes)
    assert room.of_copy(b.manifest, [a], apart=["lib"]).bytes > more.bytes
    on_disk = room.of_copy(b.manifest, [a], on_disk=True)
    assert on_disk == Need(more.bytes + 4096 * len(directories), len(own) + len(directories))


def test_a_tmpfs_takes_an_inode_for_each_hard_link(machine: Tight) -> None:
    place = machine.layout.ramdisk
    (place / "file").touch()
    before = mounts.room(place).files_free or 0
    os.link(place / "file", place / "another")
    assert mounts.room(place).files_free == before - 1


def test_a_ramdisk_larger_than_the_memory_is_no_room(machine: Tight, runner: Runner) -> None:
    """The tmpfs allows 1 TB, which is more than there is: it is the memory that refuses."""
    layout = machine.layout
    unmount_below(layout.ramdisk)
    subprocess.run([*tmpfs("1000g", 10_000), layout.ramdisk], check=True)
    content = versions.tree(layout, "b").manifest
    huge = Entry("huge", "f", 0o644, 0, 0, 900 * 10**9, 0, "d" * 64)
    claim(machine, Manifest(tuple(sorted([*content.entries, huge]))))
    with pytest.raises(
        Refused, match=r"“b” needs about 990,\d\d\d MB in the ramdisk, .* of which [\d,]+ MB are available"
    ):
        runner.run("deploy", version="b")


def claim(machine: Tight, content: Manifest) -> None:
    """Have the version b say that it holds something else."""
    described = versions.need_sealed(machine.layout, "b")
    changed = replace(described, manifest=content.digest, bytes=content.bytes)
    versions.store(machine.layout, changed, content, replace=True)
    versions.mark(machine.layout.version("b"), changed)


def test_a_limit_beyond_the_memory_is_told_with_the_deploy(machine: Tight, runner: Runner) -> None:
    layout = machine.layout
    assert memory.warning(layout.ramdisk) == ""
    unmount_below(layout.ramdisk)
    subprocess.run([*tmpfs("1000g", 10_000), layout.ramdisk], check=True)
    runner.run("deploy", version="b")
    [said] = [event.text for event in runner.events if event.kind == "warning"]
    assert re.search(r"may take 1,07\d,\d+ MB more \(its limit is 1,07\d,\d+ MB\), and [\d,]+ MB of memory are", said)


def test_available_memory_counts_swap(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000 kB\nMemAvailable:    1000 kB\nSwapFree:  24 kB\n")
    assert memory.available(meminfo) == 1024 * 1024
    with pytest.raises(Refused, match="3 MB in the ramdisk"):
        memory.check(Need(3 * 10**6, 1), "It", meminfo=meminfo)
    memory.check(Need(900_000, 1), "It", meminfo=meminfo)
