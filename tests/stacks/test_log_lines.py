"""What raw output becomes before anybody reads it."""

from __future__ import annotations

import json
import time

import pytest

from stacks.engine.events import Event
from stacks.logs.lines import LONGEST, clean, decode, encode, plain


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("plain text", "plain text"),
        ("a\tb", "a\tb"),
        ("10%\r50%\r100%", "100%"),
        ("10%\r100%\r", "100%"),
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[38;2;1;2;3mtrue colour\x1b[m", "\x1b[38;2;1;2;3mtrue colour\x1b[m"),
        ("\x1b[2K\x1b[1Gcleared", "cleared"),
        ("\x1b[?25lhidden cursor\x1b[?25h", "hidden cursor"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\text", "text"),
        ("\x1b(Bcharset", "charset"),
        ("nul\x00bell\x07back\x08", "nulbellback"),
        ("eight\x9b31mbit\x85", "eightbit"),
        ("lone \x1b", "lone "),
        ("bad \udcff byte", "bad \N{REPLACEMENT CHARACTER} byte"),
        ("ünïcödé 🚀", "ünïcödé 🚀"),
        ("", ""),
    ],
)
def test_clean(raw: str, kept: str) -> None:
    assert clean(raw) == kept


@pytest.mark.parametrize("character", ["x", "ü", "🚀", "\x1b"])
def test_a_huge_line_is_cut_quickly(character: str) -> None:
    began = time.monotonic()
    kept = clean(character * 20_000_000)
    assert len(kept.encode()) < LONGEST + 100
    assert time.monotonic() - began < 2
    if character == "x":
        assert kept.endswith(f"… ({20_000_000 - LONGEST:,} bytes cut)")


def test_a_line_of_the_limit_is_whole() -> None:
    assert clean("x" * LONGEST) == "x" * LONGEST


def test_plain() -> None:
    assert plain("\x1b[31mred\x1b[0m text") == "red text"


def test_encode_gives_one_string_per_line() -> None:
    rows = encode(Event("output", "one\ntwo “quoted”", "step-a", at=1.5))
    assert [json.loads(row) for row in rows] == [
        [1500, "output", "step-a", "one"],
        [1500, "output", "step-a", "two “quoted”"],
    ]
    lines = list(decode(7, [row.encode() for row in rows]))
    assert [(line.n, line.at_ms, line.text) for line in lines] == [(7, 1500, "one"), (8, 1500, "two “quoted”")]
