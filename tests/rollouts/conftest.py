"""Three machines elsewhere, of which nobody's worker runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stacks.models import Machine
from tests.audited import trail_as_before
from tests.rollouts.fleet import add_machine


@pytest.fixture
def alone(no_broker: None, transactional_db: None) -> Iterator[None]:
    """Let nothing need a worker."""
    with trail_as_before():
        yield


@pytest.fixture
def three(alone: None) -> list[Machine]:
    return [add_machine(name) for name in ("gp01", "gp02", "gp03")]
