"""Two texts compared line by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.textdiff import unified

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", "  "]), max_size=30).map("\n".join)


def test_equal_texts_differ_nowhere() -> None:
    assert unified("a\nb", "a\nb\n") == []


def test_a_change_is_shown_between_its_neighbours() -> None:
    before = "\n".join(map(str, range(20)))
    lines = unified(before, before.replace("10", "ten"))
    assert [(line.sign, line.text) for line in lines[:1]] == [("@", "lines 8 to 14")]
    assert [line.text for line in lines[1:]] == ["7", "8", "9", "10", "ten", "11", "12", "13"]
    assert [(line.old, line.new) for line in lines if line.sign in "+-"] == [(11, 0), (0, 11)]


@pytest.mark.parametrize(("before", "after"), [("", "a"), ("a", "")])
def test_from_nothing_and_to_nothing(before: str, after: str) -> None:
    assert [line.kind for line in unified(before, after)] == ["heading", "added" if after else "removed"]


@given(TEXTS, TEXTS)
def test_the_numbers_are_those_of_the_texts(before: str, after: str) -> None:
    old, new = before.splitlines(), after.splitlines()
    for line in unified(before, after):
        assert not line.old or old[line.old - 1] == line.text
        assert not line.new or new[line.new - 1] == line.text
