"""Compiled modules: made after all guests, taken over for the same source alone, and never a package's own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from stacks.engine import bytecode, manifest, versions
from stacks.engine.errors import Failed, Unreadable
from stacks.engine.layout import Layout
from stacks.engine.trees import Tree
from tests.engine.conftest import Make, Runner, write_tree
from tests.engine.test_build import asked
from tests.wheels import Index

OLD = 1_700_000_000.0
TAG = "cpython-311"
COMPILED = "anaconda3/lib/pkg/__pycache__/one.cpython-311.pyc"


def said(runner: Runner) -> str:
    return next(event.text for event in reversed(runner.events) if "modules compiled" in event.text)


def imports(layout: Layout, module: str) -> str:
    """Import a module through the live path; gives what Python tells of where its code came from."""
    argv = [str(layout.live / "anaconda3/bin/python"), "-v", "-B", "-c", f"import {module}"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stderr


def test_a_second_build_takes_what_the_first_compiled(layout: Layout, runner: Runner, index: Index) -> None:
    runner.run("build", **asked(index, "a"))
    assert ", 0 taken" in said(runner)
    runner.run("build", **asked(index, "b"))
    assert said(runner).startswith("0 modules compiled, 2 taken")
    assert list(versions.need_sealed(layout, "b").bytecode) == ["anaconda3"]
    runner.run("deploy", version="b")
    file = layout.live / "anaconda3/lib/python3.11/site-packages/tiny_sky/__init__.py"
    told = imports(layout, "tiny_sky")
    assert f"code object from '{file.parent}/__pycache__/__init__.cpython-311.pyc'" in told


def test_what_has_another_source_is_compiled(layout: Layout, runner: Runner, index: Index) -> None:
    runner.run("build", **asked(index, "a"))
    runner.run("build", **asked(index, "b", "tiny-star", "tiny-sky==2.0"))
    assert said(runner).startswith("1 modules compiled, 1 taken")
    runner.run("deploy", version="b")
    assert subprocess.check_output([layout.live / "anaconda3/bin/tiny-sky"], text=True) == "sky 2.0\n"


@pytest.mark.parametrize("change", [{}, {"anaconda3": "cpython-311 00000000"}], ids=["packages", "another magic"])
def test_what_others_compiled_is_not_taken(
    layout: Layout, runner: Runner, index: Index, change: dict[str, str]
) -> None:
    runner.run("build", **asked(index, "a"))
    file = layout.description("a") / "version.json"
    described = json.loads(file.read_text())
    file.write_text(json.dumps(described | {"bytecode": change}))
    runner.run("build", **asked(index, "b"))
    assert said(runner).startswith("2 modules compiled, 0 taken")


def test_what_a_package_brings_compiled_does_not_stay(layout: Layout, runner: Runner, index: Index) -> None:
    planted = {"tiny_evil/bad.py": "no Python\n", "tiny_evil/__pycache__/bad.cpython-311.pyc": "runs all the same"}
    index.add("tiny-evil", "1.0", "", more=planted)
    runner.run("build", **asked(index, "a", "tiny-evil"))
    found = {path.name for path in layout.version("a").rglob("tiny_evil/**/*")}
    assert {"bad.py", "__init__.cpython-311.pyc"} <= found
    assert "bad.cpython-311.pyc" not in found


def test_all_that_is_compiled_is_removed_and_no_symlink_followed(tmp_path: Path) -> None:
    outside, library = tmp_path / "outside", tmp_path / "lib"
    write_tree(outside, {"kept.pyc": ""}, None)
    write_tree(library, {"a/__pycache__/x.pyc": "", "a/__pycache__/b/__pycache__/y.pyc": "", "c/x.py": ""}, None)
    (library / "c/__pycache__").symlink_to(outside)
    (library / "d").symlink_to(outside)
    bytecode.clear(tmp_path, "lib")
    assert sorted(str(path.relative_to(library)) for path in library.rglob("*")) == ["a", "c", "c/x.py", "d"]
    assert (outside / "kept.pyc").exists()


@pytest.fixture
def earlier(layout: Layout, version: Make) -> Tree:
    version("a", {"anaconda3/lib/pkg/one.py": "A = 1\n", COMPILED: "compiled"}, mtime=OLD)
    return versions.tree(layout, "a")


def looked(layout: Layout, earlier: Tree, content: str = "A = 1\n", mtime: float = OLD) -> bytecode.Sources:
    write_tree(layout.building, {"anaconda3/lib/pkg/one.py": content}, mtime)
    return bytecode.look(layout.building, "anaconda3/lib", TAG, [earlier])


def test_the_same_source_is_known(layout: Layout, earlier: Tree) -> None:
    sources = looked(layout, earlier)
    assert (sources.new, [one.entry.path for one in sources.known]) == ([], [COMPILED])
    bytecode.take(layout.building, sources.known)
    assert (layout.building / COMPILED).samefile(layout.version("a") / COMPILED)


@pytest.mark.parametrize(("content", "mtime"), [("A = 2\n", OLD), ("A = 1\n", OLD + 1), ("A = 10\n", OLD)])
def test_another_source_or_time_is_not(layout: Layout, earlier: Tree, content: str, mtime: float) -> None:
    assert looked(layout, earlier, content, mtime) == bytecode.Sources(new=["pkg/one.py"])


def test_a_compiled_file_that_was_touched_is_not_taken(layout: Layout, earlier: Tree) -> None:
    os.utime(layout.version("a") / COMPILED)
    assert looked(layout, earlier) == bytecode.Sources(new=["pkg/one.py"])


def test_what_cannot_be_linked_is_copied(layout: Layout, earlier: Tree) -> None:
    sources = looked(layout, earlier)
    elsewhere = sources.known[0].entry._replace(mtime_ns=0)  # as if there were too many links: it is not linked
    bytecode.take(layout.building, [sources.known[0]._replace(entry=elsewhere)])
    file = layout.building / COMPILED
    assert (file.read_text(), file.stat().st_nlink) == ("compiled", 1)


def test_what_is_gone_is_named(layout: Layout, earlier: Tree) -> None:
    sources = looked(layout, earlier)
    (layout.version("a") / COMPILED).unlink()
    with pytest.raises(Unreadable, match=r"one\.cpython-311\.pyc cannot be read"):
        bytecode.take(layout.building, sources.known)


def test_what_was_changed_since_it_was_sealed_is_not_sealed_again(layout: Layout, earlier: Tree) -> None:
    sources, file = looked(layout, earlier), layout.version("a") / COMPILED
    status = file.stat()
    file.write_text("comp1led")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    bytecode.take(layout.building, sources.known)
    with pytest.raises(Failed, match="is not what that was sealed with"):
        bytecode.check(manifest.scan(layout.building), sources.known)


@pytest.mark.parametrize("place", ["anaconda3", "anaconda3/lib"])
def test_a_symlink_in_the_place_of_a_directory_is_not_followed(layout: Layout, earlier: Tree, place: str) -> None:
    sources = looked(layout, earlier)
    outside = layout.root / "outside"
    write_tree(outside, {"lib/pkg/one.py": "A = 1\n", "pkg/one.py": "A = 1\n", "pkg/__pycache__/x.pyc": ""}, OLD)
    before = sorted(outside.rglob("*"))
    (layout.building / place).rename(layout.root / "aside")
    (layout.building / place).symlink_to(outside)
    with pytest.raises(Unreadable, match=place):
        bytecode.clear(layout.building, "anaconda3/lib")
    with pytest.raises(Unreadable, match=place):
        bytecode.look(layout.building, "anaconda3/lib", TAG, [earlier])
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        bytecode.take(layout.building, sources.known)
    assert sorted(outside.rglob("*")) == before


def test_two_modules_never_share_what_is_compiled(layout: Layout, earlier: Tree) -> None:
    """Of “.py” and “py.py” the compiled file has one name, and Python looks at time and size alone."""
    write_tree(layout.building, {"anaconda3/lib/pkg/.py": "EVIL = 1\n", "anaconda3/lib/pkg/py.py": "GOOD = 1\n"}, OLD)
    assert bytecode.look(layout.building, "anaconda3/lib", TAG, [earlier]).new == ["pkg/py.py"]


def test_a_module_that_is_a_symlink_is_compiled_where_guests_are(layout: Layout, earlier: Tree) -> None:
    write_tree(layout.building, {"anaconda3/lib/pkg/other.py": "B = 1\n"}, OLD)
    (layout.building / "anaconda3/lib/pkg/one.py").symlink_to("other.py")
    sources = bytecode.look(layout.building, "anaconda3/lib", TAG, [earlier])
    assert sorted(sources.new) == ["pkg/one.py", "pkg/other.py"]
