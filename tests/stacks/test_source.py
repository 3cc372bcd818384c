"""A recipe's text with numbers, colours and errors at their lines."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks import source

GOOD = 'name = "a"\n[[environments]]\npath = "e"\ninstaller = "venv"\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD.replace("venv", "magic"), 4),
        (GOOD.replace('"e"', '"line 1: x"'), 3),
        ('name = "a"\nx = = 1\n', 2),
        ("a = 1\nname =", 2),
        ('name = "a"\n', 0),
        ("", 0),
    ],
)
def test_the_error_stands_at_its_line(text: str, line: int) -> None:
    checked = source.check(text)
    assert checked.recipe is None
    assert checked.line == line
    assert [one.number for one in checked.lines if one.error] == ([line] if line else [])


def test_a_recipe_is_read_and_coloured() -> None:
    checked = source.check(GOOD.replace("\n", "\r\n"))
    assert checked.recipe is not None
    assert 'class="tok-s2"' in checked.lines[0].html
    assert not any(line.error for line in checked.lines)


def test_a_long_text_is_plain() -> None:
    lines = source.check(GOOD + "# <b>\n" * source.COLOURED).lines
    assert lines[4].html == "# &lt;b&gt;"


@given(st.text(alphabet="<>&\"'= \n[]#abc1.\t", max_size=200))
def test_every_character_is_kept_as_text(text: str) -> None:
    shown = "\n".join(re.sub(r'</?span(?: class="tok-\w+")?>', "", line.html) for line in source.check(text).lines)
    assert "<" not in shown
    assert html.unescape(shown) == (text.rstrip("\n") if text.strip() else "")
