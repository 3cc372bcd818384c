"""The table of filesystems to mount at boot: finding the line of a mount point, and adding one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from stacks.engine import durable
from stacks.engine.errors import Refused


class Line(NamedTuple):
    """One line: its text, the type of filesystem, and its options by name."""

    text: str
    type: str
    options: dict[str, str]


def find(fstab: Path, place: Path) -> list[Line]:
    """Give the lines for a mount point, none when there is no such file."""
    try:
        lines = fstab.read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []
    fields = [(line, line.split()) for line in lines if not line.lstrip().startswith("#")]
    return [
        Line(line, words[2], options(words[3] if len(words) > 3 else ""))
        for line, words in fields
        if len(words) > 2 and os.path.normpath(words[1]) == str(place)
    ]


def options(text: str) -> dict[str, str]:
    """Read mount options by name; one without a value has the value ""."""
    pairs = (word.partition("=") for word in text.split(",") if word)
    return {name: value for name, _, value in pairs}


def add(fstab: Path, line: str, place: Path) -> None:
    """Add a line for a mount point that has none; every byte that is there stays, and a crash leaves old or new."""
    if found := find(fstab, place):
        raise Refused(f"{fstab} has got a line for {place} meanwhile: {found[0].text.strip()}")
    real = Path(os.path.realpath(fstab))
    before = real.read_bytes() if real.exists() else b""
    mode = real.stat().st_mode & 0o7777 if real.exists() else 0o644
    durable.write_alone(real, before + b"\n" * ends_open(real) + line.encode() + b"\n", mode)


def ends_open(fstab: Path) -> bool:
    """Tell whether the last line lacks its end, so that what is added would become part of it."""
    return fstab.exists() and not (b"\n" + fstab.read_bytes()).endswith(b"\n")
