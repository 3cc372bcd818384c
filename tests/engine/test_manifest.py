from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from stacks.engine import manifest
from stacks.engine.errors import Failed
from stacks.engine.layout import IDENTITY
from tests.engine.conftest import write_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "lib" / "deep").mkdir(parents=True)
    (tree / "lib" / "module.py").write_text("x = 1\n")
    (tree / "lib" / "deep" / "empty").touch()
    (tree / "link").symlink_to("lib/module.py")
    (tree / "away").symlink_to("/etc")
    (tree / "new\nline").write_text("odd")
    (tree / os.fsdecode(b"not-\xff-utf8")).write_text("odd")
    os.mkfifo(tree / "pipe")
    return tree


def changed(tree: Path, content: manifest.Manifest, *, hashed: bool = True) -> list[str]:
    return [str(item) for item in manifest.differences(content, tree, lambda entry: hashed)]


def test_what_is_written_is_read_back(tree: Path, tmp_path: Path) -> None:
    content = manifest.scan(tree)
    manifest.write(content, tmp_path / "stored")
    found = manifest._read(tmp_path / "stored")
    assert found == content
    assert found.digest == content.digest
    assert (content.files, content.bytes) == (4, 12)
    assert [entry.path for entry in content.entries] == sorted(entry.path for entry in content.entries)
    assert content.by_path["away"].target == "/etc"
    assert not any(path.startswith("away/") for path in content.by_path)


def test_a_tree_agrees_with_its_own_manifest(tree: Path) -> None:
    assert changed(tree, manifest.scan(tree)) == []


def test_the_identity_file_is_no_part_of_it(tree: Path) -> None:
    before = manifest.scan(tree)
    (tree / IDENTITY).write_text("{}")
    assert manifest.scan(tree) == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tree: (tree / "lib" / "module.py").unlink(), "lib/module.py is missing"),
        (lambda tree: (tree / "alien").touch(), "alien is not part of the version"),
        (lambda tree: (tree / "lib" / "module.py").chmod(0o600), "lib/module.py: mode differ"),
        (lambda tree: os.utime(tree / "lib" / "module.py", (1, 1)), "lib/module.py: mtime_ns differ"),
        (lambda tree: ((tree / "link").unlink(), (tree / "link").symlink_to("lib")), "link: target differ"),
        (lambda tree: ((tree / "pipe").unlink(), (tree / "pipe").touch()), "pipe: type"),
    ],
)
def test_each_change_is_named(tree: Path, change: object, says: str) -> None:
    content = manifest.scan(tree)
    kept = (tree / "lib").stat()
    change(tree)  # type: ignore[operator]
    os.utime(tree / "lib", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert any(item.startswith(says) for item in changed(tree, content, hashed=False))


def test_a_change_of_content_with_equal_size_and_mtime_is_found_by_digest_only(tree: Path) -> None:
    file, content = tree / "lib" / "module.py", manifest.scan(tree)
    status = file.stat()
    file.write_text("x = 2\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert changed(tree, content, hashed=False) == []
    assert changed(tree, content) == ["lib/module.py: the content differs from the manifest"]


def test_a_device_is_refused(tree: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a device")
    os.mknod(tree / "null", 0o020666, os.makedev(1, 3))
    with pytest.raises(Failed, match="null is a device"):
        manifest.scan(tree)


def test_a_socket_is_described(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(tmp_path / "t" / "s"))
        assert manifest.scan(tmp_path / "t").by_path["s"].type == "s"


def test_attributes_are_part_of_it(tree: Path) -> None:
    content = manifest.scan(tree)
    try:
        os.setxattr(tree / "lib" / "module.py", "user.note", b"1")
    except OSError:
        pytest.skip("this filesystem keeps no attributes")
    assert any("extended attributes" in item for item in changed(tree, content))


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "stored").write_bytes(b"rubbish")
    with pytest.raises(Failed, match="damaged"):
        manifest.read(tmp_path / "stored")


def test_two_manifests_are_compared_path_by_path(tmp_path: Path) -> None:
    for name, files in (
        ("a", {"same": "x", "gone": "x", "d/text": "one"}),
        ("b", {"same": "x", "new": "x", "d/text": "two"}),
    ):
        write_tree(tmp_path / name, files, mtime=1e9)
    found = manifest.between(*(manifest.scan(tmp_path / name) for name in "ab"))
    assert [(item.path, item.kind) for item in found] == [("d/text", "changed"), ("gone", "removed"), ("new", "added")]
    assert found[0].detail == "digest differ"
