"""The files in `deploy/`: templates of system files, filled in for one machine."""

from __future__ import annotations

from pathlib import Path
from string import Template

from stacks.engine.provision.host import CODE

DEPLOY = CODE / "deploy"
_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.")


def render(name: str, **values: object) -> str:
    """Fill in one template; every value that it names must be given."""
    return Template((DEPLOY / name).read_text()).substitute(values)


def unit_name(place: Path, suffix: str) -> str:
    """Name the unit of a path as systemd-escape(1) does."""
    words = str(place).strip("/")
    escaped = "".join(_escape(letter, is_first=not number) for number, letter in enumerate(words))
    return f"{escaped}.{suffix}"


def _escape(letter: str, *, is_first: bool) -> str:
    if letter == "/":
        return "-"
    if letter in _BARE and not (is_first and letter == "."):
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode())
