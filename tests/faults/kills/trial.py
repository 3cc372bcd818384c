"""One kill: the machine as it was before, the worker killed, recovery, and all that must be true then."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import psutil

from stacks.engine import journal
from stacks.engine.errors import NothingToDo, Refused
from stacks.plans import LANES
from tests.faults.kills import checks, worker
from tests.faults.kills.checks import Look
from tests.faults.kills.failpoints import bomb, countdown
from tests.faults.kills.place import Place
from tests.faults.kills.scenarios import Asked, Scenario

PATIENCE = 30.0  # seconds for a recovery, and for what the worker started to end
QUICK = ("verify", {"version": "a"})  # of the lane build, as are the slow operations, which take seconds


@dataclass(frozen=True)
class Order:
    """Where to kill: at a named point for the given time, or by chance while a step runs.

    `at` is a part of that step's usual time. Recovery is killed too, at its change number `again`, where that is not 0.
    The same is asked for next, or something quick where it is not `repeated`.
    """

    point: str
    occurrence: int = 1
    at: float = -1.0
    again: int = 0
    repeated: bool = True


@dataclass
class Result:
    """What came of one kill."""

    order: Order
    killed: bool = False
    state: str = ""
    recovery: float = 0.0
    violations: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Survey:
    """What a scenario is like: how often each point is passed, how long each step takes, and old, midway and new."""

    points: Counter[str]
    seconds: dict[str, float]
    old: Look
    midway: Look
    new: Look


def survey(place: Place, scenario: Scenario) -> Survey:
    """Carry the operation out whole, once; the machine is made first."""
    place.moment(scenario.name, lambda: scenario.make(place))
    asked = scenario.asks(place)
    old = midway = checks.look(place)
    if scenario.midway is not None:
        worker.survey(place, scenario, asked | scenario.midway)
        midway = checks.look(place)
        place.put_back(scenario.name)
    heard = worker.survey(place, scenario, asked)
    begun = {name.removesuffix(": before"): at for name, at in heard if name.endswith(": before")}
    ended = {name.removesuffix(": after"): at for name, at in heard if name.endswith(": after")}
    seconds = {step: ended[step] - begun[step] for step in begun}
    return Survey(Counter(name for name, _ in heard), seconds, old, midway, checks.look(place))


class Trial:
    """One kill of one scenario."""

    def __init__(self, place: Place, scenario: Scenario, known: Survey, order: Order) -> None:
        self._place = place
        self._scenario = scenario
        self._known = known
        self._result = Result(order)

    def run(self) -> Result:
        """Do it; whatever goes wrong is a violation."""
        try:
            self._place.put_back(self._scenario.name)
            self._result.violations += self._carry_out()
        except Exception:  # it is told with all the others
            self._result.violations.append(traceback.format_exc())
        return self._result

    def _carry_out(self) -> Iterator[str]:
        before = set(psutil.Process().children())
        self._kill()
        killed_at = time.monotonic()
        yield from self._users_have_a_tree()
        yield from self._recover(killed_at)
        yield from (f"survives: {process}" for process in self._survivors(before))
        self._result.recovery = time.monotonic() - killed_at
        yield from self._judge()
        yield from self._next()

    def _kill(self) -> None:
        order, place, scenario = self._result.order, self._place, self._scenario
        asked = scenario.asks(place)
        if order.at < 0:
            heard = bomb(order.point, order.occurrence)
            child = worker.started(
                lambda: worker.carry_out(place, scenario, asked, worker.OPERATION, heard), place.path / "log"
            )
        else:
            child = self._killed_within(asked)
        _, status = os.waitpid(child, 0)
        self._result.killed = os.WIFSIGNALED(status)

    def _killed_within(self, asked: Asked) -> int:
        order, place = self._result.order, self._place
        reading, writing = os.pipe()

        def heard(name: str) -> None:
            if name == f"{order.point}: before":
                os.write(writing, b"!")

        def work() -> None:
            worker.carry_out(place, self._scenario, asked, worker.OPERATION, heard)

        child = worker.started(work, place.path / "log")
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        time.sleep(order.at * self._known.seconds[order.point])
        os.kill(child, signal.SIGKILL)
        return child

    def _users_have_a_tree(self) -> Iterator[str]:
        """Before anybody mends anything the live path leads to a whole tree (I1)."""
        known = self._known
        trees = [look.parts["users' tree"] for look in (known.old, known.midway, known.new)]
        if not self._scenario.tears and checks.served(self._place.layout) not in trees:
            yield "right after the kill users had no whole tree"

    def _recover(self, killed_at: float) -> Iterator[str]:
        layout, lane, again = self._place.layout, LANES[self._scenario.kind], self._result.order.again
        while again:
            work = partial(worker.recover_watched, layout, lane, countdown(again))
            _, status = os.waitpid(worker.started(work, self._place.path / "log"), 0)
            again = again // 2 if os.WIFSIGNALED(status) else 0
        while True:
            try:
                worker.recover(layout, lane)
            except Refused as refusal:
                if time.monotonic() > killed_at + PATIENCE:
                    yield f"never recovered: {refusal}"
                    return
                time.sleep(0.01)
            else:
                return

    def _survivors(self, before: set[psutil.Process]) -> list[str]:
        """Name what the worker started and did not die with it: this process is told of its orphans."""
        give_up_at = time.monotonic() + PATIENCE
        while left := set(psutil.Process().children()) - before:
            for process in left:
                os.waitpid(process.pid, os.WNOHANG)
            if time.monotonic() > give_up_at:
                return [str(process) for process in left]
            time.sleep(0.01)
        return []

    def _judge(self) -> Iterator[str]:
        place, scenario, known = self._place, self._scenario, self._known
        found = checks.look(place)
        old, new = known.old.parts, known.new.parts
        is_old, is_new = found.parts in (old, known.midway.parts), found.parts == new
        self._result.state = "new" if is_new else "old" if is_old else "between"
        if not is_old:
            yield from checks.differences(found.parts, old, new, by_parts=scenario.by_parts)
        yield from checks.links_disagree(place.layout)
        yield from checks.whole_in_ram(place.layout)
        yield from checks.left_over(place)
        yield from checks.lost(known.old, place, set(known.old.disk) & set(known.new.disk))
        if scenario.told:
            entries = journal.history(place.layout)[known.old.history :]
            yield from checks.untold(entries, worker.OPERATION, is_new=is_new, is_old=is_old)

    def _next(self) -> Iterator[str]:
        """The next operation succeeds: the same again, or where it was complete the one that follows."""
        scenario, place, is_again = self._scenario, self._place, True
        asked = scenario.asks(place)
        following = scenario.then if self._result.state == "new" else None if self._result.order.repeated else QUICK
        if following is not None:
            kind, asked = following
            scenario, is_again = Scenario(kind, kind, scenario.make, scenario.asks, None), False
        try:
            worker.carry_out(place, scenario, asked, "next", _unheard)
        except NothingToDo:
            return
        found = checks.look(place).parts
        if self._result.state == "old" and is_again and found != self._known.new.parts:
            yield from checks.differences(found, self._known.new.parts, self._known.new.parts, by_parts=False)
        left = [*checks.links_disagree(place.layout), *checks.left_over(place)]
        left += checks.temporary_names(place.path / "etc")
        yield from (f"after the next: {told}" for told in left)


def _unheard(_: str) -> None:
    pass
