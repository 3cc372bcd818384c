"""Which of a log's lines tell of an error, found in blocks of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.engine.suspects import SUSPECT
from stacks.logs.lines import LogLine, decode, plain

# One of these is in every line that is an error or looks like one: words are found much faster than patterns.
_HINTS = tuple(word.encode() for word in (
    ',"error",', "E:", "ERROR", "rror:", "Error ", "FATAL", "fatal:", "Traceback (", "Exception: ",
    "command not found", "No such file or directory", "Permission denied", "ould not find a version", "curl: (",
    "Failed building wheel", "Failed to ", "FAILED", "non-zero exit status", "Segmentation fault",
))  # fmt: skip
_CROSSES = ("× ".encode(), "✗ ".encode())


def erring(first: int, data: bytes) -> Iterator[LogLine]:
    """Give the lines that are errors, or output that looks like one, of a block that begins with the line `first`."""
    if not _hinted(data):
        return
    for n, row in enumerate(data.split(b"\n"), first):
        if _hinted(row):
            yield from filter(_is_error, decode(n, [row]))


def _hinted(data: bytes) -> bool:
    hints = _HINTS if data.isascii() else (*_HINTS, *_CROSSES)
    return any(hint in data for hint in hints)


def _is_error(line: LogLine) -> bool:
    return line.kind == "error" or (line.kind == "output" and SUSPECT.search(plain(line.text)) is not None)
