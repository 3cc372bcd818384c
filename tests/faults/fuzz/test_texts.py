"""What people type and programs print: recipes, environment files, kernel.json, logs; one error, or a whole value."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks import recipes
from stacks.ansi import strip
from stacks.engine import condafile, recipe
from stacks.engine.errors import Refused
from stacks.engine.events import Event
from stacks.engine.kernels import spec
from stacks.engine.lines import LONGEST, LineSplitter
from stacks.engine.recipe import Recipe
from stacks.loghtml import render_lines
from stacks.logs import lines
from stacks.storable import storable
from tests.faults.fuzz.inputs import documents, given_or_refused, texts, thorough, values

SHIPPED = [file.read_text() for file in sorted(recipes.SHIPPED.glob("*.toml"))]
CONDA = "name: sky\nchannels: [conda-forge]\ndependencies:\n  - numpy\n  - pip:\n    - astropy\n"


@st.composite
def edited(draw: st.DrawFn, originals: list[str]) -> str:
    """Take a good text and put something else into a place or two of it."""
    text = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        text = text[:start] + draw(st.one_of(texts, st.sampled_from(['"', "[", "]]", "=", "\n", "{}"]))) + text[end:]
    return text


@thorough
@given(st.one_of(texts, edited(SHIPPED)))
def test_recipes(text: str) -> None:
    if found := given_or_refused(recipe.parse, text):
        assert isinstance(found.with_options(list(found.options)), Recipe)
        assert storable(found.name) == found.name


@thorough
@given(st.one_of(texts, edited([CONDA])))
def test_environment_files(text: str) -> None:
    if written := given_or_refused(condafile.convert, text):
        assert recipe.parse(written).environments[0].installer == "conda"


KEYS = sorted(spec.KNOWN)


@thorough
@given(documents(*KEYS))
def test_kernel_json(data: bytes) -> None:
    read = spec.parse(data)
    assert read.findings or read.spec
    for finding in read.findings:
        assert finding.code
        assert finding.message
    if not any(finding.severity == "error" for finding in read.findings):
        assert isinstance(read.spec["argv"], list)
        assert isinstance(json.loads(data), dict)


@thorough
@given(st.lists(st.one_of(st.binary(max_size=200), texts.map(lambda text: text.encode(errors="replace"))), max_size=20))
def test_output_is_cut_into_lines_the_same_however_it_arrives(parts: list[bytes]) -> None:
    whole, piecewise = cut([b"".join(parts)]), cut(parts)
    assert whole == piecewise
    kept = b"".join(parts).decode(errors="replace")
    assert "".join(whole).replace("\r", "") == kept.replace("\r", "").replace("\n", "")
    assert all(len(line.encode()) <= 3 * LONGEST for line in whole)


def cut(parts: list[bytes]) -> list[str]:
    found: list[str] = []
    splitter = LineSplitter(found.append)
    for part in parts:
        splitter.feed(part)
    splitter.close()
    return found


TAGS = re.compile(r"<[^>]*>")


@thorough
@given(texts)
def test_lines_of_a_log_are_kept_and_are_text_on_the_page(text: str) -> None:
    rows = [row.encode() for row in lines.encode(Event("output", text))]
    assert len(rows) == text.count("\n") + 1
    for line in lines.decode(1, rows):
        assert storable(line.text) == line.text
        assert "\n" not in line.text
        html = render_lines([line])
        assert html.count("<div") == 1
        assert set(re.findall(r"<(/?[a-z]+)", html)) <= {"div", "/div", "a", "/a", "span", "/span"}
        assert unescape(TAGS.sub("", html)) == strip(line.text)


@thorough
@given(values)
def test_what_is_stored_is_utf8_without_zeros(value: object) -> None:
    text = json.dumps(storable(value), ensure_ascii=False)
    assert "\0" not in text
    assert "\\u0000" not in text
    text.encode()


def test_the_originals_are_good() -> None:
    assert len(SHIPPED) == 3
    for text in SHIPPED:
        assert recipe.parse(text)
    assert condafile.convert(CONDA)
    with pytest.raises(Refused):
        recipe.parse("")
