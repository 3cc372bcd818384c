"""Colours to HTML: the text stays what it was, and nothing but `<span class>` is ever made."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.ansi import strip, to_html

PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["\x1b[", "\x1b]0;", "\x1b[31m", "\x1b[0m", "\x1b[38;5;", "\x1b[48;2;1;2;3m", "m", ";", "\x07", "<b>"]
    ),
    st.lists(st.integers(0, 300), max_size=6).map(lambda codes: f"\x1b[{';'.join(map(str, codes))}m"),
)
TEXTS = st.lists(PIECES, max_size=20).map("".join)
SPAN = re.compile(r'<span class="[a-z0-9 -]+">|</span>')


@given(TEXTS)
def test_text_is_kept_and_only_spans_are_made(text: str) -> None:
    html = to_html(text)
    bare = SPAN.sub("", html)
    assert "<" not in bare
    assert ">" not in bare
    assert unescape(bare) == strip(text)


@given(TEXTS)
def test_spans_are_balanced_and_never_nested(text: str) -> None:
    depth = 0
    for tag in SPAN.findall(to_html(text)):
        depth += -1 if tag == "</span>" else 1
        assert depth in (0, 1)
    assert depth == 0


@given(TEXTS)
def test_no_control_character_is_left(text: str) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", to_html(text))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain & <b>", "plain &amp; &lt;b&gt;"),
        ("\x1b[1;31mred\x1b[0m on", '<span class="sgr-bold ink-1">red</span> on'),
        ("\x1b[92mok\x1b[39m.", '<span class="ink-10">ok</span>.'),
        ("\x1b[44mx\x1b[49my", '<span class="paper-4">x</span>y'),
        ("\x1b[38;5;196mx", '<span class="ink-9">x</span>'),
        ("\x1b[38;5;244mx", '<span class="ink-8">x</span>'),
        ("\x1b[38;2;0;200;0mx", '<span class="ink-2">x</span>'),
        ("\x1b[48;2;255;255;255mx", '<span class="paper-15">x</span>'),
        ("\x1b[1mb\x1b[22mn", '<span class="sgr-bold">b</span>n'),
        ("\x1b[38;5mx", "x"),
        ("\x1b[38;9mx", "x"),
        ("\x1b[5mx", "x"),
        ("\x1b[mx", "x"),
        ("\x1b]0;title\x07x\x1b[2Ky", "xy"),
        ('"><script>alert(1)</script>', "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
    ],
)
def test_examples(text: str, html: str) -> None:
    assert to_html(text) == html
