"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest


def until(condition: Callable[[], Any], *, within: float = 10.0) -> Any:
    """Wait for a condition to hold and give what it gave."""
    give_up_at = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > give_up_at:
            pytest.fail(f"not within {within} s")
        time.sleep(0.05)
    return found
