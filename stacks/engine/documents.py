"""Reading JSON that somebody else may have written, or that lies on a disk that may be damaged."""

from __future__ import annotations

import json
from typing import Any


def parse(data: bytes | str) -> Any:
    """Read a JSON document; raise ValueError for what is none, or is nested too deep to be one of ours."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deep") from None
