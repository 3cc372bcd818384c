"""What a process prints, kept within bounds whatever it prints."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

HEAD, TAIL = 2000, 6000  # bytes that are kept of the beginning and of the end


@dataclass
class Captured:
    """The beginning and the end of what was printed, and how many bytes that was in all."""

    head: bytes = b""
    tail: bytes = b""
    size: int = 0

    def take(self, data: bytes) -> None:
        """Add what was printed."""
        room = HEAD - len(self.head)
        self.head += data[:room]
        self.tail = (self.tail + data[room:] if room > 0 else self.tail + data)[-TAIL:]
        self.size += len(data)

    @property
    def is_rubbish(self) -> bool:
        """Tell whether that is more, or something else, than a program says that has something to say."""
        return self.size > HEAD + TAIL or b"\0" in self.head + self.tail

    @property
    def text(self) -> str:
        """What was printed, with what was left out in between counted; never with control bytes but line ends."""
        left_out = self.size - len(self.head) - len(self.tail)
        gap = f"\n… {left_out} bytes left out …\n".encode() if left_out else b""
        said = (self.head + gap + self.tail).decode(errors="replace")
        return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in said)


@contextmanager
def capturing() -> Iterator[tuple[int, Captured]]:
    """Give a descriptor to print to and what comes of it; when the block ends all is read that was printed by then."""
    reading, writing = os.pipe()
    captured = Captured()
    reader = threading.Thread(target=_pump, args=(reading, captured), daemon=True)
    reader.start()
    try:
        yield writing, captured
    finally:
        os.close(writing)
        reader.join(5)
        if not reader.is_alive():
            os.close(reading)


def _pump(descriptor: int, captured: Captured) -> None:
    while data := os.read(descriptor, 65536):
        captured.take(data)
