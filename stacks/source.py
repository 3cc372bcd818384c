"""A recipe's text as it is shown: numbered, coloured by Pygments, an error below the line that it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TOMLLexer

from stacks.engine.errors import Refused
from stacks.engine.recipe import Recipe, parse

COLOURED = 64 * 1024  # characters; a longer text is shown without colours
_PLACE = re.compile(r"[^“:]*\bline (\d+): |.*\(at line (\d+), column \d+\)\.\Z", re.DOTALL)
_AT_END = "(at end of document)."


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as HTML, with what is wrong in it ("" for nothing)."""

    number: int
    html: SafeString
    error: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A text that was read as a recipe: `recipe` where it is one, else `error`, with its line (0: of no one line)."""

    lines: list[Line]
    recipe: Recipe | None = None
    error: str = ""
    line: int = 0


def check(text: str) -> Checked:
    """Read a text and prepare it to be shown; what is wrong stands below its line."""
    text = text.replace("\r\n", "\n")
    try:
        return Checked(_shown(text), parse(text))
    except Refused as refusal:
        error = str(refusal)
    shown = _shown(text)
    line = _line(error, len(shown))
    lines = [Line(one.number, one.html, error if one.number == line else "") for one in shown]
    return Checked(lines, None, error, line)


def _line(error: str, last: int) -> int:
    """Find the line that an error of the parser names, `last` for the end, 0 when it names none."""
    found = _PLACE.match(error)
    return min(int(found[1] or found[2]), last) if found else last if error.endswith(_AT_END) else 0


def _shown(text: str) -> list[Line]:
    return [Line(number, html) for number, html in enumerate(_html(text), 1)]


def _html(text: str) -> list[SafeString]:
    if not text.strip():
        return []
    text = text.rstrip("\n")
    if len(text) > COLOURED:
        return [mark_safe(escape(line)) for line in text.split("\n")]  # noqa: S308  # escaped here
    lexer = TOMLLexer(stripnl=False, ensurenl=False)
    coloured = highlight(text, lexer, HtmlFormatter(nowrap=True, classprefix="tok-"))
    return [mark_safe(line) for line in coloured.rstrip("\n").split("\n")]  # noqa: S308  # Pygments escapes
