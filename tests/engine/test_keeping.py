"""What a plan reads stays in use until its end, and no longer."""

from __future__ import annotations

from pathlib import Path

from stacks.engine import keeping, manifest
from stacks.engine.manifest import Entry, Manifest
from stacks.engine.trees import Tree, held


def stored(place: Path, digest: str) -> Path:
    manifest.write(Manifest((Entry("a", "f", 0o644, 0, 0, 1, 1, digest),)), place)
    return place


def test_a_manifest_is_read_once_while_things_are_kept(tmp_path: Path) -> None:
    path = stored(tmp_path / "manifest", "x")
    with keeping.until_the_end():
        with keeping.until_the_end():
            first = id(manifest.read(path))
        assert id(manifest.read(path)) == first
        assert id(manifest.read(stored(path, "y"))) != first


def test_what_is_worked_out_is_about_these_objects(tmp_path: Path) -> None:
    asked: list[str] = []
    one, other = Manifest(()), Manifest(())

    def note(name: str) -> str:
        asked.append(name)
        return name

    with keeping.until_the_end():
        assert [keeping.once("n", (one,), lambda: note("one")) for _ in range(2)] == ["one", "one"]
        assert keeping.once("n", (other,), lambda: note("other")) == "other"
        assert keeping.once("m", (one,), lambda: note("m")) == "m"
    assert keeping.once("n", (one,), lambda: note("again")) == "again"
    assert asked == ["one", "other", "m", "again"]


def test_files_are_held_where_they_lay_or_elsewhere_and_nothing_else_is(tmp_path: Path) -> None:
    def entry(path: str, digest: str, mtime: int = 1, kind: manifest.Type = "f") -> Entry:
        return Entry(path, kind, 0o644, 0, 0, 1, mtime, digest)

    content = Manifest((entry("a", "A"), entry("b", "B"), entry("c", "C"), entry("d", "-", kind="d"), entry("e", "E")))
    first = Tree(tmp_path / "1", Manifest((entry("a", "A"), entry("c", "C", mtime=2), entry("d", "-", kind="d"))))
    second = Tree(tmp_path / "2", Manifest((entry("a", "A"), entry("moved", "B"), entry("e", "X"))))
    found = held(content, [first, second])
    assert {path: (tree.name, there.path) for path, (tree, there) in found.items()} == {
        "a": ("1", "a"),
        "b": ("2", "moved"),
    }
