"""Lines of a log as HTML: one `<div>` each, with its number as the address of the line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from stacks.ansi import to_html
from stacks.logs import LogLine

KINDS = frozenset({"step", "command", "output", "note", "warning", "error"})


def render_lines(lines: Iterable[LogLine]) -> str:
    """Render lines in order; numbers and times are attributes, so that copying the log copies only its text."""
    return "".join(map(_line, lines))


def _line(line: LogLine) -> str:
    kind = line.kind if line.kind in KINDS else "output"
    at = datetime.fromtimestamp(line.at_ms / 1000, UTC).strftime("%H:%M:%S")
    return (
        f'<div class="line is-{kind}" id="L{line.n}"><a href="#L{line.n}" data-n="{line.n}" data-at="{at}" '
        f'tabindex="-1" aria-hidden="true"></a><span>{to_html(line.text)}</span></div>'
    )
