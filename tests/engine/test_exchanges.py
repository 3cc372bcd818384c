"""What killed trials of kernels left in the temporary directory is removed, and nothing else there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from stacks.engine import exchanges
from stacks.engine.owner import Owner

STRANGER = 64991


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(place: Path, name: str) -> Path:
    made = place / f"{exchanges.PREFIX}{name}"
    made.mkdir()
    (made / "socket").write_text("x")
    return made


def test_what_is_held_stays_and_what_nobody_holds_goes(temporary: Path, owner: Owner) -> None:
    old = left(temporary, "old")
    os.chown(old, owner.uid, owner.gid)
    with exchanges.opened(owner) as held:
        exchanges.sweep(owner.uid)
        assert held.is_dir()
        assert not old.exists()
    assert list(temporary.iterdir()) == []


def test_a_planted_symlink_and_other_names_are_left_alone(temporary: Path, owner: Owner) -> None:
    outside = left(temporary, "real").rename(temporary / "outside")
    link = temporary / f"{exchanges.PREFIX}planted"
    link.symlink_to(outside)
    exchanges.sweep(owner.uid)
    assert link.is_symlink()
    assert (outside / "socket").read_text() == "x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another owner's files")
def test_a_strangers_directory_is_left_alone(temporary: Path, owner: Owner) -> None:
    theirs = left(temporary, "theirs")
    os.chown(theirs, STRANGER, STRANGER)
    exchanges.sweep(owner.uid)
    assert (theirs / "socket").exists()
