"""Terminal colours to HTML: select graphic rendition becomes `<span class>`, every other character is escaped text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

from django.utils.safestring import SafeString, mark_safe

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
_BASE = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
)  # fmt: skip
_LEVELS = (0, 95, 135, 175, 215, 255)
_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("inverse",), 29: ("strike",)}


@dataclass(frozen=True, slots=True)
class _Style:
    flags: frozenset[str] = frozenset()
    ink: int | None = None
    paper: int | None = None

    def classes(self) -> str:
        names = [f"sgr-{flag}" for flag in sorted(self.flags)]
        names += [f"ink-{self.ink}"] if self.ink is not None else []
        names += [f"paper-{self.paper}"] if self.paper is not None else []
        return " ".join(names)


def to_html(text: str) -> SafeString:
    """Render one line of output; colours are taken to the nearest of the 16 that both themes define as classes."""
    if "\x1b" not in text:
        return mark_safe(escape(strip(text)))  # noqa: S308 — the common line, escaped
    return mark_safe("".join(_spans(text)))  # noqa: S308 — escaped there


def strip(text: str) -> str:
    """Give the line without colours and control characters."""
    return _CONTROL.sub("", text)


def _spans(text: str) -> Iterator[str]:
    style = _Style()
    for position, part in enumerate(_SGR.split(text)):
        if position % 2:
            style = _applied(style, _codes(part))
        elif plain := escape(strip(part)):
            classes = style.classes()
            yield f'<span class="{classes}">{plain}</span>' if classes else plain


def _codes(part: str) -> list[int]:
    # Longer numbers than three digits are no codes: int() of a hostile megabyte of digits would be refused or slow.
    return [int(code[:3] or "0") for code in part.replace(":", ";").split(";")]


def _applied(style: _Style, codes: list[int]) -> _Style:
    queue = list(reversed(codes))
    while queue:
        code = queue.pop()
        if code == 0:
            style = _Style()
        elif code in _ON:
            style = replace(style, flags=style.flags | {_ON[code]})
        elif code in _OFF:
            style = replace(style, flags=style.flags.difference(_OFF[code]))
        else:
            style = _coloured(style, code, queue)
    return style


def _coloured(style: _Style, code: int, queue: list[int]) -> _Style:
    if code in (38, 48):
        colour = _extended(queue)
        return replace(style, ink=colour) if code == 38 else replace(style, paper=colour)
    if 30 <= code <= 37 or 90 <= code <= 97:
        return replace(style, ink=code - 30 if code < 40 else code - 82)
    if 40 <= code <= 47 or 100 <= code <= 107:
        return replace(style, paper=code - 40 if code < 50 else code - 92)
    if code == 39:
        return replace(style, ink=None)
    return replace(style, paper=None) if code == 49 else style


def _extended(queue: list[int]) -> int | None:
    """Take `5;n` or `2;r;g;b` from the queue (last first) and give the nearest of the 16 colours."""
    mode = queue.pop() if queue else 0
    if mode == 5 and queue:
        return _nearest(_indexed(min(queue.pop(), 255)))
    if mode == 2 and len(queue) >= 3:
        return _nearest((min(queue.pop(), 255), min(queue.pop(), 255), min(queue.pop(), 255)))
    return None


def _indexed(number: int) -> tuple[int, int, int]:
    if number < 16:
        return _BASE[number]
    if number >= 232:
        return (grey := 8 + 10 * (number - 232), grey, grey)
    number -= 16
    return (_LEVELS[number // 36], _LEVELS[number // 6 % 6], _LEVELS[number % 6])


def _nearest(colour: tuple[int, int, int]) -> int:
    return min(range(16), key=lambda index: sum((a - b) ** 2 for a, b in zip(_BASE[index], colour, strict=True)))
