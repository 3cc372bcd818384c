"""Text that every database, page and feed can hold: file names and what programs print can be any bytes."""

from __future__ import annotations

import re
from typing import Any

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def storable(value: Any) -> Any:
    """Give a value of JSON types, each text of it valid UTF-8 and without zero characters, which PostgreSQL refuses."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value


def xml_text(text: str) -> str:
    """Give a text as XML can hold it: what it cannot, as most control characters, is replaced."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
