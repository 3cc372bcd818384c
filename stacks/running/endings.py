"""How an operation ended, in words."""

from __future__ import annotations

from typing import Any

from stacks.engine.errors import EngineError, Refused
from stacks.models import Operation
from stacks.operations.attempts import Conclusion
from stacks.operations.concluding import AWAY
from stacks.plans.base import outcome_of
from stacks.running import sentences

State = Operation.State
ASK_AGAIN = "what was begun was undone"


def succeeded(operation: Operation, outcome: dict[str, Any]) -> Conclusion:
    """Say what a successful operation did."""
    version = outcome.get("version") or operation.parameters.get("version", "")
    sentence = sentences.done(operation.kind, str(version), outcome)
    if down := outcome.get("not_started"):
        sentence += f" Not started again: {', '.join(down)}. Start them by hand and look at their logs."
    return Conclusion(State.SUCCEEDED, sentence)


def failed(error: BaseException) -> Conclusion:
    """Say why an operation ended without success, from the error that ended it."""
    state = outcome_of(error)
    if state == State.INTERRUPTED:
        return interrupted("")
    if isinstance(error, EngineError):
        return Conclusion(state, str(error), refused=isinstance(error, Refused))
    if isinstance(error, AWAY):
        return Conclusion(state, "The database was away when it was to begin: nothing was changed. Retry it.")
    return Conclusion(state, f"Unexpected {type(error).__name__}: {_first_line(error)} The log has the details.")


def cancelled(by: str, during: str) -> Conclusion:
    """Say who cancelled an operation, and in which step."""
    return Conclusion(State.CANCELLED, f"Cancelled by {by}{_during(during)}; {ASK_AGAIN}.")


def interrupted(during: str) -> Conclusion:
    """Say that the worker was stopped, and in which step."""
    return Conclusion(
        State.INTERRUPTED, f"The worker was stopped{_during(during)}; {ASK_AGAIN}. Retry when it runs again."
    )


def _during(title: str) -> str:
    return f" during “{title}”" if title else ""


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return f"{text.splitlines()[0].rstrip('.')}." if text else ""
