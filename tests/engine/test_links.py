from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from stacks.engine import links
from stacks.engine.errors import Failed, Refused


@pytest.fixture
def two(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    return tmp_path


def test_switch_makes_and_moves_the_link(two: Path) -> None:
    link = two / "sw"
    for name in ("a", "b", "b"):
        links.switch(link, name, tree=two / name)
        assert os.readlink(link) == name
    assert sorted(path.name for path in two.iterdir()) == ["a", "b", "sw"]


def test_readers_never_miss_the_link(two: Path) -> None:
    link, stop, failures, reads = two / "sw", threading.Event(), [], [0]
    links.switch(link, "a", tree=two / "a")

    def read() -> None:
        while not stop.is_set():
            reads[0] += 1
            try:
                if (link / "file").read_text() not in ("a", "b"):
                    failures.append("foreign content")
            except OSError as error:
                failures.append(str(error))

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(200):
        name = "ab"[number % 2]
        links.switch(link, name, tree=two / name)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert reads[0] > 200


def test_a_directory_in_the_place_of_the_link_is_left_alone(two: Path) -> None:
    with pytest.raises(Refused, match="not a symlink"):
        links.switch(two / "a", "b", tree=two / "b")
    assert (two / "a" / "file").read_text() == "a"


def test_a_link_to_nothing_is_refused(two: Path) -> None:
    links.switch(two / "sw", "a", tree=two / "a")
    with pytest.raises(Refused, match="not a directory"):
        links.switch(two / "sw", "c", tree=two / "c")
    assert os.readlink(two / "sw") == "a"


def test_what_a_killed_switch_left_is_swept_and_nothing_else(two: Path) -> None:
    os.symlink("a", two / ".sw.new-12-abc")
    os.symlink("a", two / ".sw")
    (two / ".x.new-1-a").write_text("a file, not a link")
    assert links.sweep(two) == [two / ".sw.new-12-abc"]
    assert (two / ".sw").is_symlink()
    assert (two / ".x.new-1-a").exists()


def test_a_stale_temporary_link_does_not_lead_a_later_switch_astray(two: Path) -> None:
    os.symlink("a", two / f".sw.new-{os.getpid()}-stale")
    links.switch(two / "sw", "b", tree=two / "b")
    assert os.readlink(two / "sw") == "b"


def test_a_link_that_somebody_else_sets_meanwhile_is_noticed(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = two / "sw"
    links.switch(link, "a", tree=two / "a")
    monkeypatch.setattr(links, "_replace", lambda link, to: None)
    with pytest.raises(Failed, match="something else changes it"):
        links.switch(link, "b", tree=two / "b")
    with pytest.raises(Failed, match="something else changes it"):
        links.put_back(link, "b")
