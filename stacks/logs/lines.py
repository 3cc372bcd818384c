"""What one line of a log is, and how raw output becomes one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stacks.engine.events import Event

LONGEST = 16 * 1024  # bytes of UTF-8; what is longer is cut

_DIRTY = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SGR = r"\x1b\[[0-9;:]*m"
_SEQUENCES = re.compile(
    rf"({_SGR})"  # colours, kept
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # other control sequences: cursor, erase, modes
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_COLOURS = re.compile(_SGR)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of an operation's log: `n` is its position from 1, `at_ms` milliseconds since the epoch."""

    n: int
    at_ms: int
    kind: str
    step: str
    text: str


def clean(text: str) -> str:
    """Make one safe line: the last state of a progress bar, no control characters but tabs and colours, bounded."""
    if "\r" in text:
        text = text.rstrip("\r").rpartition("\r")[2]
    # Cut before the patterns are tried, so that a huge line costs no more than a long one.
    beyond, text = max(0, len(text) - 2 * LONGEST), text[: 2 * LONGEST]
    if _DIRTY.search(text):
        text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _SEQUENCES.sub(lambda found: found[1] or "", text))
    return _bounded(text, beyond)


def _bounded(text: str, beyond: int) -> str:
    if not beyond and len(text) * 4 <= LONGEST:
        return text
    data = text.encode()
    if not beyond and len(data) <= LONGEST:
        return text
    return f"{data[:LONGEST].decode(errors='ignore')} … ({max(0, len(data) - LONGEST) + beyond:,} bytes cut)"


def plain(text: str) -> str:
    """Take the colours out of a clean line."""
    return _COLOURS.sub("", text) if "\x1b" in text else text


def encode(event: Event) -> list[str]:
    """Write an event as JSON, one string for each of its lines."""
    at = int(event.at * 1000)
    return [
        json.dumps([at, event.kind, event.step, clean(text)], ensure_ascii=False, separators=(",", ":"))
        for text in event.text.split("\n")
    ]


def decode(first_line: int, rows: list[bytes]) -> Iterator[LogLine]:
    """Read JSON lines back, numbered from `first_line`."""
    for n, row in enumerate(rows, first_line):
        at, kind, step, text = json.loads(row)
        yield LogLine(n, at, kind, step, text)
