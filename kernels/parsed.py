"""Reading JSON of many rows that is the same in nearly all, request after request: each text is parsed once."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

Documents = list[dict[str, Any]]


def text_of(field: str) -> Cast:
    """Select the bare text of a JSON field, for `documents`."""
    return Cast(field, TextField())


@lru_cache(maxsize=2048)
def documents(text: str) -> Documents:
    """Parse a list of documents; never to be changed, as others are given the same."""
    found: Documents = json.loads(text)
    return found
