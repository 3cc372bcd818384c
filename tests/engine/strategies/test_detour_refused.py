"""What a build at the live path refuses before it changes anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.engine import journal, services
from stacks.engine.errors import Failed, Refused
from stacks.engine.layout import Layout
from tests.engine.conftest import Runner
from tests.engine.strategies.shared import BOTH, as_before, asked
from tests.engine.test_build import state
from tests.wheels import Index


def plain_tree(layout: Layout) -> None:
    layout.live.mkdir()


def closed_area(layout: Layout) -> None:
    shutil.rmtree(layout.build_area)
    layout.build_area.symlink_to("/usr")


def leftover(layout: Layout) -> None:
    layout.live.symlink_to(".dlstack/build/sw")


def linked_cache(layout: Layout) -> None:
    layout.cache.rmdir()
    layout.cache.symlink_to("/usr")


def linked_place(layout: Layout) -> None:
    (layout.ramdisk / ".dlstack-build").symlink_to("/usr")


@BOTH
@pytest.mark.parametrize(
    "spoil",
    [
        (plain_tree, "is not a symlink"),
        (closed_area, "not a directory of DLStack's own"),
        (linked_cache, "not a directory of DLStack's own"),
        (leftover, "nobody builds"),
        (linked_place, "not a directory of DLStack's own"),
    ],
)
def test_surprising_places_are_refused_and_nothing_changes(
    layout: Layout, runner: Runner, index: Index, strategy: str, spoil: tuple[Callable[[Layout], None], str]
) -> None:
    spoiling, says = spoil
    spoiling(layout)
    before = state(layout)
    if spoiling is linked_place and strategy == "repoint":
        runner.plan("build", **asked(index, "a", strategy=strategy))
        return
    with pytest.raises(Refused, match=says):
        runner.run("build", **asked(index, "a", strategy=strategy))
    assert state(layout) == before
    assert journal.history(layout) == []


def test_a_ramdisk_too_small_is_refused_with_numbers(layout: Layout, runner: Runner, index: Index) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    layout.ramdisk.unlink()
    layout.ramdisk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", layout.ramdisk], check=True)
    try:
        with pytest.raises(
            Refused, match=r"A build in the ramdisk needs about [\d,]+ MB on it, which has [\d.]+ MB free"
        ):
            runner.run("build", **asked(index, "a", strategy="in-production"))
        assert list(layout.ramdisk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", layout.ramdisk], check=True)


def test_a_service_that_does_not_stop_changes_nothing(
    layout: Layout, runner: Runner, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    always: dict[str, object] = {"name": "stubborn", "status": ["true"], "stop": ["true"], "start": ["true"]}
    services.configure(layout, [always])
    monkeypatch.setattr(services.pause, "__kwdefaults__", {"patience": 0.2})
    with pytest.raises(Failed, match="stubborn still runs"):
        runner.run("build", **asked(index, "a", strategy="repoint"))
    as_before(layout, None)


def test_a_root_that_the_owner_cannot_reach_is_refused(
    layout: Layout, runner: Runner, index: Index, place: Path
) -> None:
    if runner.owner.is_self:
        pytest.skip("who is the owner reaches what is his")
    place.chmod(0o700)
    with pytest.raises(Refused, match=r"cannot reach .*data0"):
        runner.plan("build", **asked(index, "a", strategy="repoint"))
    place.chmod(0o755)
    runner.plan("build", **asked(index, "a", strategy="repoint"))
