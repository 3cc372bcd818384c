"""Sealed files are nobody else's: what a later guest can write to is no link of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stacks.engine import manifest, parting
from stacks.engine.layout import Layout
from tests.engine.conftest import Runner
from tests.wheels import Index, tiny_recipe


def build(runner: Runner, index: Index, name: str) -> None:
    runner.run("build", version=name, generation=1, recipe_text=tiny_recipe(index))


def inodes(place: Path) -> set[int]:
    return {path.lstat().st_ino for path in place.rglob("*") if path.is_file() and not path.is_symlink()}


def test_versions_share_files_with_one_another_and_none_with_the_caches(
    layout: Layout, runner: Runner, index: Index
) -> None:
    for name in ("a", "b"):
        build(runner, index, name)
    one, two, cached = (inodes(place) for place in (layout.version("a"), layout.version("b"), layout.cache))
    assert len(one & two) >= 5
    assert cached
    assert not (one | two) & cached


def test_who_writes_into_the_caches_changes_no_version(layout: Layout, runner: Runner, index: Index) -> None:
    build(runner, index, "a")
    before = manifest.scan(layout.version("a"))
    for path in layout.cache.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            path.write_bytes(b"spoilt" * 100)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert manifest.scan(layout.version("a")) == before


def test_everything_about_a_parted_file_is_kept(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.write_bytes(os.urandom(300_000))
    outside.chmod(0o4751)
    os.setxattr(outside, "user.note", b"kept")
    os.utime(outside, ns=(1_700_000_000_123_456_789, 1_600_000_000_987_654_321))
    for name in ("one", "two"):
        os.link(outside, tree / name)
    (tree / "own").write_text("own")
    os.link(tree / "own", tree / "twin")
    (tree / "link").symlink_to("one")
    if os.geteuid() == 0:
        os.chown(outside, 1234, 5678)
        outside.chmod(0o4751)
    before = manifest.scan(tree)
    own = (tree / "own").stat().st_ino
    assert parting.part(tree, [entry for entry in before.entries if entry.type == "f"]) == 2
    assert manifest.scan(tree) == before
    assert (tree / "one").stat().st_ino == (tree / "two").stat().st_ino != outside.stat().st_ino
    assert (tree / "own").stat().st_ino == (tree / "twin").stat().st_ino == own
    assert outside.stat().st_nlink == 1
    assert sorted(path.name for path in tree.iterdir()) == ["link", "one", "own", "twin", "two"]


def test_a_symlink_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_text("x")
    os.link(tree / "file", tmp_path / "outside")
    entries = [entry for entry in manifest.scan(tree).entries if entry.type == "f"]
    (tree / "file").unlink()
    (tree / "file").symlink_to("/etc/hostname")
    assert parting.part(tree, entries) == 0
    (tmp_path / "target").write_text("secret")
    os.link(tmp_path / "target", tmp_path / "another")
    with pytest.raises(OSError, match=r"symbolic links"):
        parting._copy(tree / "file")
