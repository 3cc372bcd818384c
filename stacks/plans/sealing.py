"""What the record is told of a version that was sealed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from stacks.engine.sizes import Size
from stacks.engine.versions import Description


def told(description: Description, measured: dict[str, Size]) -> dict[str, Any]:
    """Give what a sealed version is, and what each version now shares with no other."""
    size = measured[description.name]
    return asdict(description) | {
        "version": description.name,
        "manifest_digest": description.manifest,
        "bytes": size.bytes,
        "unique_bytes": size.unique_bytes,
        "unique": {name: item.unique_bytes for name, item in measured.items()},
    }
