"""One run of the engine's command with one system call that fails, or that is its process's last."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from stacks.plans import LANES
from tests.faults.kills import checks, worker
from tests.faults.kills.checks import Look
from tests.faults.kills.place import Place
from tests.faults.sweep import commands
from tests.faults.sweep.calls import Call, Choice, changing, hit
from tests.faults.sweep.verbs import Verb

KILL = "signal=KILL"
ERRORS = ("error=ENOSPC", "error=EIO")
PATIENCE = 30.0


@dataclass
class Known:
    """What a verb does when nothing fails: its calls, those of them that change the machine, and old and new."""

    calls: list[Call]
    changing: list[Call]
    old: Look
    midway: Look
    new: Look


@dataclass
class Result:
    """What came of one injection: `label` names the call that was hit, "" for none; `state` is old, new or between."""

    label: str = ""
    state: str = ""
    exit: int = 0
    violations: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def survey(place: Place, verb: Verb) -> Known:
    """Run the verb whole, traced; the machine is made first."""
    place.moment(verb.name, lambda: verb.make(place))
    old = midway = checks.look(place)
    if verb.midway:
        _whole(place, verb.spelled(place, verb.midway))
        midway = checks.look(place)
        place.put_back(verb.name)
    calls = _whole(place, verb.spelled(place, verb.words))
    return Known(calls, changing(calls, (place.layout.root, place.ram)), old, midway, checks.look(place))


def _whole(place: Place, words: list[str]) -> list[Call]:
    ran, calls = commands.traced(place, words)
    if ran.status:
        raise AssertionError(f"{words} does not work at all: {ran.said}")
    return calls


def _served_from_disk(old: Look) -> list[checks.Parts]:
    """Give the old state with users served from disk, which is where an undo in place begins; nobody lacks anything."""
    name = str(old.parts["backing link"]).removeprefix("sw.")
    if old.parts["layout"] != "in-place" or name not in old.disk:
        return []
    return [old.parts | {"live path": f"sw.{name}", "users' tree": checks.digest(old.disk[name])}]


class Injection:
    """One call of one verb made to fail, or to be the last."""

    def __init__(self, place: Place, verb: Verb, known: Known, way: Choice, how: str) -> None:
        self._place = place
        self._verb = verb
        self._known = known
        self._way = way
        self._how = how
        self._result = Result()

    def run(self) -> Result:
        """Do it; whatever goes wrong is a violation."""
        try:
            self._result.violations += self._carry_out()
        except Exception:  # it is told with all the others
            self._result.violations.append(traceback.format_exc())
        return self._result

    def _carry_out(self) -> Iterator[str]:
        place, way = self._place, self._way
        place.put_back(self._verb.name)
        path = ("-P", way.path) if way.path else ()
        inject = ("-e", f"inject={way.name}:{self._how}:when={way.number}", *path)
        ran = commands.injected(place, self._verb.spelled(place, self._verb.words), way.program, *inject)
        found = hit(commands.lines(place, way.program), way)
        self._result.exit, self._result.label = ran.status, found.label if found else ""
        yield from self._ended(ran)
        yield from self._recovered()
        yield from self._judged()
        yield from self._next()

    def _ended(self, ran: commands.Ran) -> Iterator[str]:
        """A command that was not killed says in one sentence what went wrong, and the machine is old or new already."""
        if ran.status == -9:
            return
        last = ran.said[-1] if ran.said else ""
        if any("Traceback" in line for line in ran.said):
            yield "a traceback: " + " | ".join(ran.said[-6:])
        elif ran.status not in (0, 1, 2) or (ran.status and not last.startswith("dlstack: ")):
            yield f"ended with {ran.status} and said: {last}"
        yield from (f"before recovery: {told}" for told in self._state())
        if ran.status == 0 and self._result.state != "new":
            yield f"said that it was done, and the machine is {self._result.state}"

    def _recovered(self) -> Iterator[str]:
        lane, give_up_at = LANES[self._verb.words[0]], time.monotonic() + PATIENCE
        while True:
            try:
                worker.recover(self._place.layout, lane)
            except Exception as error:  # the children of a killed worker have the lock for a moment
                if time.monotonic() > give_up_at:
                    yield f"never recovered: {error}"
                    return
                time.sleep(0.01)
            else:
                return

    def _state(self) -> Iterator[str]:
        known, found = self._known, checks.look(self._place).parts
        is_old = found in (known.old.parts, known.midway.parts, *_served_from_disk(known.old))
        self._result.state = "new" if found == known.new.parts else "old" if is_old else "between"
        if not is_old:
            yield from checks.differences(found, known.old.parts, known.new.parts, by_parts=self._verb.by_parts)

    def _judged(self) -> Iterator[str]:
        place, known = self._place, self._known
        yield from self._state()
        yield from checks.links_disagree(place.layout)
        yield from checks.whole_in_ram(place.layout)
        yield from checks.left_over(place)
        yield from checks.lost(known.old, place, set(known.old.disk) & set(known.new.disk))

    def _next(self) -> Iterator[str]:
        words = self._verb.then if self._result.state == "new" else self._verb.words
        ran = commands.run(self._place, self._verb.spelled(self._place, words))
        if ran.status:
            yield f"the next operation, {words}: {ran.said[-1:]}"
        yield from (f"after the next: {told}" for told in checks.links_disagree(self._place.layout))
