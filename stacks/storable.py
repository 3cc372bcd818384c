"""Text that every database and page can hold: file names and what programs print can be any bytes."""

from __future__ import annotations

from typing import Any


def storable(value: Any) -> Any:
    """Give a value of JSON types, each text of it valid UTF-8 and without zero characters, which PostgreSQL refuses."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    return value
