"""Cutting a byte stream into lines of bounded length (F31)."""

from __future__ import annotations

from collections.abc import Callable

LONGEST = 16 * 1024  # bytes; a longer line is cut, and goes on in the next


class LineSplitter:
    """Feeds whole lines, decoded with invalid UTF-8 replaced, to a function; holds at most one line in memory.

    A line's carriage returns are kept: only the reader of a log knows what a progress bar overwrites. A bar that
    never ends its line is cut like any long line, at a carriage return if there is one.
    """

    def __init__(self, line: Callable[[str], None]) -> None:
        self._line = line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes and give out the lines that they complete."""
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._cut(line + b"\n")
        self._rest = self._cut(rest)

    def close(self) -> None:
        """Give out what is left without a newline."""
        if self._rest:
            self._give(self._rest)
        self._rest = b""

    def _cut(self, line: bytes) -> bytes:
        while len(line) > LONGEST:
            at = line.rfind(b"\r", 0, LONGEST) + 1 or LONGEST
            self._give(line[:at])
            line = line[at:]
        if line.endswith(b"\n"):
            self._give(line)
            return b""
        return line

    def _give(self, line: bytes) -> None:
        self._line(line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace"))
