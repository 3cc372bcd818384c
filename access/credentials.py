"""Texts that open something, `MARK_PREFIX_SECRET`: shown once; kept as a digest, enough for 256 random bits."""

from __future__ import annotations

import hashlib
import secrets
from hmac import compare_digest
from typing import NamedTuple


class Minted(NamedTuple):
    """A new text, the prefix that finds it again, and its digest: the text itself is kept nowhere."""

    text: str
    prefix: str
    digest: str


def mint(mark: str) -> Minted:
    """Make a text of one kind."""
    prefix = secrets.token_hex(4)
    text = f"{mark}_{prefix}_{secrets.token_urlsafe(32)}"
    return Minted(text, prefix, _digest(text))


def prefix_of(text: str, mark: str) -> str:
    """Give the prefix of a text of one kind, "" for what cannot be one."""
    found, _, rest = text.partition("_")
    prefix = rest.partition("_")[0]
    return prefix if found == mark and prefix.isalnum() and text.isascii() else ""


def is_text_of(text: str, digest: str) -> bool:
    """Tell whether a digest was made of a text."""
    return compare_digest(digest, _digest(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
