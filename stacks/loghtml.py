"""Lines of a log as HTML: one `<div>` each, with its number as the address of the line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from stacks.ansi import to_html
from stacks.logs import LogLine

KINDS = frozenset({"step", "command", "output", "note", "warning", "error"})


NOTHING = range(0)
DIGITS = 7  # app.css reckons with numbers that wide


def render_lines(lines: Iterable[LogLine], marked: range = NOTHING) -> str:
    """Render lines in order; numbers and times are attributes, so that copying the log copies only its text."""
    return "".join(_line(line, " is-marked" if line.n in marked else "") for line in lines)


def stamp(line: LogLine) -> str:
    """Give the time of a line in UTC."""
    return datetime.fromtimestamp(line.at_ms / 1000, UTC).strftime("%H:%M:%S")


def _line(line: LogLine, mark: str) -> str:
    kind = line.kind if line.kind in KINDS else "output"
    return (
        f'<div class="line is-{kind}{mark}" id="L{line.n}"><a href="#L{line.n}" data-n="{line.n:{DIGITS}}" '
        f'data-at="{stamp(line)}" tabindex="-1" aria-hidden="true"></a>{to_html(line.text)}</div>'
    )
