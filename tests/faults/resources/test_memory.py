"""A child that the kernel kills for want of memory: the cause is named, not only the signal (F16)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from stacks.engine import oom, process
from stacks.engine.errors import CommandFailed
from stacks.engine.process import Command
from stacks.engine.stop import Stop

LIMIT = 32 * 1024 * 1024
# No more than a machine has to spare, should the group not hold it.
EATER = "held = bytearray(b'x') * 500_000_000"


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group of 32 MB of memory, of either version of their interface."""
    for root, limit, swap in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max", "memory.swap.max"),
    ):
        place = root / f"dlstack-test-{os.getpid()}"
        with suppress(OSError):
            place.mkdir()
        if not (place / limit).exists():
            with suppress(OSError):
                place.rmdir()
            continue
        (place / limit).write_text(str(LIMIT))
        with suppress(OSError):
            (place / swap).write_text(str(LIMIT if "memsw" in swap else 0))
        yield place
        place.rmdir()
        return
    pytest.skip("no control group can be made here")


def test_the_want_of_memory_is_named(group: Path) -> None:
    into = f'echo $$ > {group}/cgroup.procs; exec {sys.executable} -c "$0"'
    with pytest.raises(CommandFailed) as failure:
        process.run(Command(["sh", "-c", into, EATER], "the eater"), lambda _: None, Stop())
    said = str(failure.value)
    assert "The memory did not suffice: the kernel killed 1 process meanwhile (OOM)" in said
    assert "ramdisk counts as memory" in said


def test_a_grandchild_is_enough(group: Path) -> None:
    into = f'echo $$ > {group}/cgroup.procs; exec {sys.executable} -c "$0"'
    outer = 'sh -c "$1" "$0"; echo \'make: *** [all] Error 1\'; exit 2'
    with pytest.raises(CommandFailed, match=r"ended with status 2: .*Error 1 The memory did not suffice"):
        process.run(Command(["sh", "-c", outer, EATER, into], "the eater"), lambda _: None, Stop())


def test_nothing_is_said_where_nothing_was_killed(tmp_path: Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("pgfault 1\noom_kill 4\n")
    assert oom.told(oom.kills(vmstat), vmstat) == ""
    assert "killed 3 processes" in oom.told(1, vmstat)
    assert oom.kills(tmp_path / "none") == 0
