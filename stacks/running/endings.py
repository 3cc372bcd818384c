"""How an operation ended, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stacks.engine.errors import EngineError, Refused
from stacks.models import Operation
from stacks.plans.base import outcome_of
from stacks.running import sentences

State = Operation.State
KEPT_ELSEWHERE = frozenset(
    {"recipe_text", "packages", "kernelspecs", "unique", "inventory", "library"}
)  # in rows of their own
ASK_AGAIN = "what was begun was undone"


@dataclass(frozen=True, slots=True)
class Ending:
    """The final state of an operation with its sentence; `refused` where a precondition was found unmet."""

    state: str
    message: str
    refused: bool = False


def succeeded(operation: Operation, outcome: dict[str, Any]) -> Ending:
    """Say what a successful operation did."""
    version = outcome.get("version") or operation.parameters.get("version", "")
    sentence = sentences.done(operation.kind, str(version), outcome)
    if down := outcome.get("not_started"):
        sentence += f" Not started again: {', '.join(down)}. Start them by hand and look at their logs."
    return Ending(State.SUCCEEDED, sentence)


def failed(error: BaseException) -> Ending:
    """Say why an operation ended without success, from the error that ended it."""
    state = outcome_of(error)
    if state == State.INTERRUPTED:
        return interrupted("")
    if isinstance(error, EngineError):
        return Ending(state, str(error), refused=isinstance(error, Refused))
    return Ending(state, f"Unexpected {type(error).__name__}: {_first_line(error)} The log has the details.")


def cancelled(by: str, during: str) -> Ending:
    """Say who cancelled an operation, and in which step."""
    return Ending(State.CANCELLED, f"Cancelled by {by}{_during(during)}; {ASK_AGAIN}.")


def interrupted(during: str) -> Ending:
    """Say that the worker was stopped, and in which step."""
    return Ending(State.INTERRUPTED, f"The worker was stopped{_during(during)}; {ASK_AGAIN}. Retry when it runs again.")


def kept(outcome: dict[str, Any], ending: Ending) -> dict[str, Any]:
    """Give what the operation's row keeps of a plan's outcome."""
    # A lockfile lies with the version that was made; what was only solved is kept here, to build just that.
    elsewhere = KEPT_ELSEWHERE | ({"lockfile"} if "version" in outcome else set())
    lasting = {key: value for key, value in outcome.items() if key not in elsewhere}
    return lasting | ({"refused": True} if ending.refused else {})


def _during(title: str) -> str:
    return f" during “{title}”" if title else ""


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return f"{text.splitlines()[0].rstrip('.')}." if text else ""
