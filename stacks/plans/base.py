"""What a plan is, and how one is carried out: steps in order, and undone in reverse when one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from stacks.engine import damage, keeping, shortage
from stacks.engine.errors import Cancelled, Interrupted
from stacks.engine.events import Event, Kind, Progress, ProgressSink, Sink
from stacks.engine.layout import Layout
from stacks.engine.masks import Mask
from stacks.engine.owner import Owner
from stacks.engine.remote import Wire
from stacks.engine.stop import Stop
from stacks.engine.terms import Terms


def unfenced() -> None:
    """Let everything through: for work that nobody can have given up."""


@dataclass
class Context:
    """All that a plan needs: where, for whom, what was asked, and where its events go.

    `parameters` are the operation's frozen parameters; `outcome` collects plain values for the record
    (JSON types only), `lock_fds` are inherited by every child process (invariant 7). `fence` raises Interrupted where
    the operation is not this worker's any more; it is asked before each step and before what users notice. `terms` are
    the machine's for guests, and `mask` knows what they were given and nobody may see. `wire` is how it asks others.
    """

    layout: Layout
    owner: Owner
    operation: str
    parameters: dict[str, Any]
    emit: Sink
    progress: ProgressSink
    stop: Stop = field(default_factory=Stop)
    fence: Callable[[], None] = unfenced
    lock_fds: tuple[int, ...] = ()
    step: str = ""
    outcome: dict[str, Any] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    mask: Mask = field(default_factory=Mask)
    wire: Wire = field(default_factory=Wire)

    def tell(self, kind: Kind, text: str) -> None:
        """Emit one line of the log under the running step."""
        self.emit(Event(kind, text, self.step))

    def note(self, text: str) -> None:
        """Emit one explaining line."""
        self.tell("note", text)

    def sink(self, event: Event) -> None:
        """Emit an event of the engine under the running step."""
        self.emit(replace(event, step=self.step))

    def advance(self, done: int, total: int, unit: str) -> None:
        """Tell how far the running step is."""
        self.progress(Progress(self.step, done, total, unit))


Work = Callable[[Context], None]


@dataclass(frozen=True)
class Step:
    """One step of a plan: `name` for machines, `title` for people, `explains` what it will do."""

    name: str
    title: str
    explains: str
    run: Work
    undo: Work | None = None


@dataclass(frozen=True)
class Plan:
    """An operation's steps, in order, with one sentence that says what it will change."""

    kind: str
    summary: str
    steps: tuple[Step, ...]


class Observer(Protocol):
    """Told about each step as it begins and ends; `state` is succeeded, failed, cancelled, interrupted or undone."""

    def step_started(self, name: str) -> None:
        """Note that a step begins."""

    def step_finished(self, name: str, state: str) -> None:
        """Note that a step ended."""


@contextmanager
def _observed(step: Step, context: Context, observer: Observer) -> Iterator[None]:
    context.step = step.name
    observer.step_started(step.name)
    context.tell("step", step.title)
    try:
        yield
    except BaseException as error:
        observer.step_finished(step.name, outcome_of(error))
        raise
    observer.step_finished(step.name, "succeeded")


def outcome_of(error: BaseException) -> str:
    """Name the final state that an error leads to: cancelled, interrupted or failed."""
    if isinstance(error, Cancelled):
        return "cancelled"
    return "interrupted" if isinstance(error, (Interrupted, KeyboardInterrupt, SystemExit)) else "failed"


def execute(plan: Plan, context: Context, observer: Observer) -> None:
    """Run the steps in order; when one raises, undo it and those before it, last first, and raise its error."""
    begun: list[Step] = []
    try:
        with keeping.until_the_end():
            for step in plan.steps:
                context.stop.check()
                context.fence()
                begun.append(step)
                with _observed(step, context, observer):
                    step.run(context)
    except BaseException as error:
        shown = shortage.explained(context.layout, error)  # before what is undone makes room
        shown = damage.explained(context.layout, shown)
        context.tell("error", str(shown) or type(shown).__name__)
        _undo(begun, context, observer)
        if shown is error:
            raise
        raise shown from error


def _undo(begun: list[Step], context: Context, observer: Observer) -> None:
    for step in reversed(begun):
        if step.undo is None:
            continue
        context.step = step.name
        try:
            step.undo(context)
        except Exception as error:  # the first error is the one to report; the rest of the undoing goes on
            context.tell("error", f"Could not undo “{step.title}”: {error}")
