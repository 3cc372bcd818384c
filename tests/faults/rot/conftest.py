"""The root of the engine's tests."""

from __future__ import annotations

from tests.engine.conftest import index, layout, owner, runner, version

__all__ = ["index", "layout", "owner", "runner", "version"]
