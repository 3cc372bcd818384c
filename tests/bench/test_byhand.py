"""The procedure by hand, as the benches carry it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.byhand import Procedure


@pytest.fixture
def procedure(tmp_path: Path) -> Procedure:
    """Two versions on the disk, of which users run the second."""
    for name in ("disk", "ram"):
        (tmp_path / name).mkdir()
    for name in ("one", "two"):
        place = tmp_path / f"disk/sw.{name}/anaconda3"
        place.mkdir(parents=True)
        (place / "both.py").write_text("#" * (name == "two") + name)  # rsync passes over what is as long and as old
        (place / f"only-{name}.py").touch()
    made = Procedure(tmp_path / "disk", tmp_path / "ram")
    made.serve("two")
    return made


def test_a_revert_puts_the_old_version_over_what_users_run(procedure: Procedure, tmp_path: Path) -> None:
    procedure.revert("one")
    assert (procedure.live / "anaconda3/both.py").read_text() == "one"
    assert {file.name for file in (procedure.live / "anaconda3").iterdir()} == {"both.py", "only-one.py"}
    assert (tmp_path / "ram/sw.hdd").readlink() == Path("sw.one")


def test_what_was_built_is_kept_by_name(procedure: Procedure, tmp_path: Path) -> None:
    built = tmp_path / "disk/sw/anaconda3"
    built.mkdir(parents=True)
    (built / "both.py").write_text("three")
    procedure.keep("three")
    procedure.revert("three")
    assert [file.read_text() for file in (procedure.live / "anaconda3").iterdir()] == ["three"]
