from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from stacks.engine import manifest, transfer
from stacks.engine.errors import Unreadable
from stacks.engine.manifest import Entry
from tests.engine.conftest import write_tree

FILES = {"lib/a.py": "a = 1\n", "lib/deep/b.py": "b = 1\n"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    write_tree(place, FILES)
    os.link(place / "lib/a.py", place / "lib/deep/again.py")
    return place


@pytest.fixture
def target(tmp_path: Path) -> Path:
    place = tmp_path / "target"
    (place / "lib/deep").mkdir(parents=True)
    return place


def rest(source: Path) -> list[Entry]:
    return [entry for entry in manifest.scan(source).entries if entry.type != "d"]


def test_names_of_one_file_stay_names_of_one_file(source: Path, target: Path) -> None:
    wanted = rest(source)
    assert list(transfer.copy(source, target, wanted)) == wanted
    assert (target / "lib/a.py").samefile(target / "lib/deep/again.py")
    assert (target / "lib/deep/b.py").stat().st_nlink == 1
    assert rest(target) == wanted


def test_nothing_is_written_through_a_symlink_of_the_target(source: Path, target: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (target / "lib/deep").rmdir()
    (target / "lib/deep").symlink_to(outside)
    with pytest.raises(OSError, match="Not a directory"):
        list(transfer.copy(source, target, rest(source)))
    assert list(outside.iterdir()) == []


def test_nothing_is_written_over(source: Path, target: Path) -> None:
    (target / "lib/a.py").write_text("there already")
    with pytest.raises(FileExistsError) as caught:
        list(transfer.copy(source, target, rest(source)))
    assert caught.value.filename == f"{target}/lib/a.py"
    assert (target / "lib/a.py").read_text() == "there already"


@pytest.mark.parametrize("planted", ["file", "directory"])
def test_nothing_is_read_through_a_symlink_of_the_source(
    source: Path, target: Path, tmp_path: Path, planted: str
) -> None:
    wanted = rest(source)
    write_tree(tmp_path / "outside", {"b.py": "secret"})
    path = source / ("lib/deep/b.py" if planted == "file" else "lib/deep")
    path.rename(tmp_path / "aside")
    path.symlink_to(tmp_path / ("outside/b.py" if planted == "file" else "outside"))
    with pytest.raises(Unreadable, match="lib/deep"):
        list(transfer.copy(source, target, wanted))
    assert not (target / "lib/deep/b.py").exists()


def test_what_is_gone_is_named(source: Path, target: Path) -> None:
    wanted = rest(source)
    (source / "lib/deep/b.py").unlink()
    with pytest.raises(Unreadable, match=r"lib/deep/b\.py cannot be read: No such file") as caught:
        list(transfer.copy(source, target, wanted))
    assert caught.value.number == errno.ENOENT


def test_a_directory_gets_the_attributes_of_that_in_the_source(source: Path, target: Path) -> None:
    os.setxattr(source / "lib/deep", "user.origin", b"source")
    transfer.copy_attributes(source, target, "lib/deep")
    assert os.getxattr(target / "lib/deep", "user.origin") == b"source"
