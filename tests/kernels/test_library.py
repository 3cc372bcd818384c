"""The kernelspec library: what is on disk counts; no edit is overwritten, no name leads out of it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks.engine.errors import Refused
from stacks.engine.kernels import library, pinning, spec

TEXT = json.dumps({"argv": ["python", "-f", "{connection_file}"], "display_name": "K", "language": "python"})
OTHER = TEXT.replace('"K"', '"Other"')


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "kernel-specs"


def test_what_is_added_can_be_listed_and_read(place: Path) -> None:
    made = library.write(place, "k", TEXT, expected="")
    assert (place / "k/kernel.json").read_text() == made.text == TEXT
    (place / "k/logo-64x64.png").write_bytes(b"png")
    (place / "k/logo-svg.svg").symlink_to("/etc/hostname")
    (place / ".git").mkdir()
    [entry] = library.entries(place)
    assert (entry.name, entry.digest, entry.logos) == ("k", made.digest, ["logo-64x64.png"])
    assert library.entry(place, "none") is None
    assert library.entries(place / "nowhere") == []


def test_an_edit_names_what_it_was_made_from(place: Path) -> None:
    first = library.write(place, "k", TEXT, expected="")
    second = library.write(place, "k", OTHER, expected=first.digest)
    assert second.text == OTHER
    with pytest.raises(Refused, match="was changed meanwhile"):
        library.write(place, "k", TEXT, expected=first.digest)
    with pytest.raises(Refused, match="is in the library already"):
        library.write(place, "k", TEXT, expected="")
    with pytest.raises(Refused, match="was changed meanwhile"):
        library.remove(place, "k", expected=first.digest)
    assert (place / "k/kernel.json").read_text() == OTHER


def test_of_many_edits_at_once_one_is_written(place: Path) -> None:
    first = library.write(place, "k", TEXT, expected="")
    results: list[str] = []

    def edit(number: int) -> None:
        try:
            library.write(place, "k", TEXT.replace('"K"', f'"{number}"'), expected=first.digest)
            results.append("written")
        except Refused:
            results.append("refused")

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused"] * 7 + ["written"]
    assert not list(place.rglob("*.new-*"))


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b", "/etc", "a b", "a\n", ".hidden", "x" * 101, "ä", "a\0"])
def test_a_name_that_is_none_is_refused_before_a_path_comes_of_it(place: Path, name: str) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: library.write(place, name, TEXT, expected=""),
        lambda: library.remove(place, name, expected="x"),
        lambda: library.entry(place, name),
    )
    for call in calls:
        with pytest.raises(Refused, match="cannot name a kernelspec"):
            call()
    assert not place.exists()


BAD = {
    "json": ("{", "no valid JSON"),
    "huge": ('{"x": "' + "x" * 5_000_000 + '"}', "larger than 1 MB"),
    "deaf": ('{"argv": ["x"]}', "{connection_file}"),
    "markup": (TEXT.replace('"K"', '"<script>alert(1)</script>"'), "markup"),
    "lines": (TEXT.replace('"K"', '"a\\nb"'), "control characters"),
    "half a character": (TEXT.replace('"K"', r'"\ud83d"'), r"half of a character: \\ud83d, alone"),
    "half a name": (TEXT.replace('"display_name"', r'"\udc00"'), r"half of a character: \\udc00, alone"),
    "lone surrogate": (TEXT.replace('"K"', '"\ud800"'), "not UTF-8"),
    "surrogate": (TEXT.replace('"K"', '"\udcff"'), "not UTF-8"),
}


@pytest.mark.parametrize(("text", "says"), BAD.values(), ids=BAD)
def test_bad_content_is_refused_and_nothing_changed(place: Path, text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        library.write(place, "k", text, expected="")
    assert not place.exists()
    first = library.write(place, "k", TEXT, expected="")
    with pytest.raises(Refused, match=says):
        library.write(place, "k", text, expected=first.digest)
    assert (place / "k/kernel.json").read_text() == TEXT


def test_planted_symlinks_are_left_alone(place: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kernel.json").write_text(TEXT)
    place.mkdir()
    (place / "k").symlink_to(outside)
    [entry] = library.entries(place)
    assert [finding.code for finding in entry.findings] == ["symlink"]
    assert entry.text == ""
    calls: tuple[Callable[[], object], ...] = (
        lambda: library.write(place, "k", OTHER, expected=""),
        lambda: library.write(place, "k", OTHER, expected=entry.digest),
        lambda: library.remove(place, "k", expected=entry.digest),
    )
    for call in calls:
        with pytest.raises(Refused, match="left alone"):
            call()
    assert (outside / "kernel.json").read_text() == TEXT
    library.write(place, "own", TEXT, expected="")
    (place / "own/kernel.json").unlink()
    (place / "own/kernel.json").symlink_to(outside / "kernel.json")
    found = library.entry(place, "own")
    assert found is not None
    library.write(place, "own", OTHER, expected=found.digest)  # the link is replaced, not written through
    assert (outside / "kernel.json").read_text() == TEXT


def test_a_removed_kernelspec_is_gone_and_comes_back_by_writing(place: Path) -> None:
    made = library.write(place, "k", TEXT, expected="")
    removed = library.remove(place, "k", expected=made.digest)
    assert removed.text == TEXT
    assert list(place.iterdir()) == []
    with pytest.raises(Refused, match="not in the library any more"):
        library.remove(place, "k", expected=made.digest)
    library.write(place, "k", removed.text, expected="")


def test_a_library_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="cannot be written"):
        library.write(tmp_path / "file/library", "k", TEXT, expected="")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_as_root_files_belong_to_whom_the_library_belongs(place: Path) -> None:
    place.mkdir()
    os.chown(place, 899, 898)
    library.write(place, "k", TEXT, expected="")
    assert {(path.stat().st_uid, path.stat().st_gid) for path in place.rglob("*")} == {(899, 898)}


def test_an_installed_kernelspec_is_compared_without_its_launcher(place: Path, tmp_path: Path) -> None:
    library.write(place, "k", TEXT, expected="")
    installed: dict[str, Any] = {**json.loads(TEXT), "argv": ["/data0/sw/env/bin/python", "-f", "{connection_file}"]}
    elsewhere = tmp_path / "installed"
    assert library.likeness("k", installed, place, elsewhere) == "same"
    assert library.likeness("k", pinning.pin(installed, Path("/data0/sw")), place, elsewhere) == "same"
    assert library.likeness("k", {**installed, "display_name": "X"}, place, elsewhere) == "differs"
    assert library.likeness("none", installed, place, elsewhere) == "absent"
    library.write(place, "whole", json.dumps(installed), expected="")
    moved = {**installed, "argv": ["/data0/sw/other/bin/python", "-f", "{connection_file}"]}
    assert library.likeness("whole", installed, place, elsewhere) == "same"
    assert library.likeness("whole", moved, place, elsewhere) == "differs"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = json.dumps({"argv": ["x"], "display_name": "", "language": 1, "env": [], "interrupt_mode": 3, "more": 1})
    codes = [finding.code for finding in library.check(text)]
    assert codes == [
        *("no-connection-file", "no-display-name", "bad-language"),
        *("bad-interrupt-mode", "bad-env", "unknown-field"),
    ]


def test_where_json_is_broken_is_said() -> None:
    [finding] = library.check('{\n "argv": [}')
    assert "line 2, column 11" in finding.message


def test_what_jupyter_accepts_is_accepted() -> None:
    whole = {**json.loads(TEXT), "interrupt_mode": "Message", "metadata": {"debugger": True}, "env": {"A": "${B}"}}
    assert library.check(json.dumps(whole)) == []
    assert [item.code for item in spec.validate({**whole, "argv": ["x", "{connection_file}", "{foo}"]})] == [
        "not-filled"
    ]
    assert [item.code for item in library.check('{"argv": 1, "argv": ["x", "{connection_file}"]}')] == [
        *("no-display-name", "no-language", "repeated"),
    ]
