"""Lines of a log as HTML: one `<div>` each, with its number as the address of the line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.utils.html import escape

from stacks.ansi import to_html
from stacks.logs import LogLine, plain

KINDS = frozenset({"step", "command", "output", "note", "warning", "error"})


NOTHING = range(0)
DIGITS = 7  # app.css reckons with numbers that wide
LARGEST = 256 * 1024  # characters of HTML that one answer takes for the texts of its lines
_CUT = " … (shortened here; the raw view and the download have all of it)"


def render_lines(lines: Iterable[LogLine], marked: range = NOTHING) -> str:
    """Render lines in order; numbers and times are attributes, so that copying the log copies only its text.

    Where that would be too much for a page the longest lines are shortened.
    """
    lines = list(lines)
    texts: list[str] = [to_html(line.text) for line in lines]
    if sum(map(len, texts)) > LARGEST:
        texts = _shortened(lines, texts)
    return "".join(_line(line, text, marked) for line, text in zip(lines, texts, strict=True))


def _shortened(lines: list[LogLine], texts: list[str]) -> list[str]:
    most = LARGEST // len(lines)
    return [
        text if len(text) <= most else f"{escape(plain(line.text)[: most * len(line.text) // len(text)])}{_CUT}"
        for line, text in zip(lines, texts, strict=True)
    ]


def stamp(line: LogLine) -> str:
    """Give the time of a line in UTC."""
    return datetime.fromtimestamp(line.at_ms / 1000, UTC).strftime("%H:%M:%S")


def _line(line: LogLine, text: str, marked: range) -> str:
    mark = " is-marked" if line.n in marked else ""
    kind = line.kind if line.kind in KINDS else "output"
    return (
        f'<div class="line is-{kind}{mark}" id="L{line.n}"><a href="#L{line.n}" data-n="{line.n:{DIGITS}}" '
        f'data-at="{stamp(line)}" tabindex="-1" aria-hidden="true"></a>{text}</div>'
    )
