"""Operations that came with an imported database: what was unfinished there has no worker here."""

from __future__ import annotations

from stacks.models import Operation
from stacks.operations.lifecycle import end_time

State = Operation.State


def end_unfinished(message: str) -> None:
    """Cancel what waits and interrupt what runs, with one message; for a database that no worker knows yet."""
    for state, end in ((State.QUEUED, State.CANCELLED), (State.RUNNING, State.INTERRUPTED)):
        Operation.objects.filter(state=state).update(state=end, finished_at=end_time(), message=message)
