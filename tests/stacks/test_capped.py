"""The bound on an operation's output: its beginning and its end, with a count of what lay between."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.engine.events import Event, Kind
from stacks.logs.capped import TAIL, Capped


def line(number: int) -> Event:
    return Event("output", f"line {number:06} {'x' * 88}")


def flooded(count: int, limit: int, *last: Event) -> list[Event]:
    seen: list[Event] = []
    capped = Capped(seen.append, limit, clock=lambda: 0.0)
    for event in [*map(line, range(count)), *last]:
        capped(event)
    capped.flush()
    return seen


def numbers(events: list[Event]) -> list[int]:
    return [int(event.text.split()[1]) for event in events if event.kind == "output"]


def test_within_the_bound_everything_passes_at_once() -> None:
    assert numbers(flooded(100, 10**6)) == list(range(100))


def test_beyond_it_the_end_is_kept_and_the_rest_is_counted() -> None:
    seen = flooded(100_000, 1_000_000)
    found = numbers(seen)
    gap = next(at for at in range(len(found)) if found[at] != at)
    assert found == [*range(gap), *range(found[gap], 100_000)]
    assert 4_900 < gap < 5_100
    assert 15_000 < len(found) - gap < TAIL / 100
    told = [event.text for event in seen if event.kind == "warning"]
    assert told[0] == "The log has 1.0 MB, its limit: of what follows the end is kept."
    left_out = found[gap] - gap
    size = f"{left_out * 100 / 1e6:.1f} MB"
    kept = f"The last {100_000 - found[gap]:,} follow."
    assert told[1] == f"{left_out:,} lines ({size}) were left out here (DLSTACK_LOG_LIMIT). {kept}"
    assert len(told) == 2


def test_steps_and_errors_always_pass_in_their_place_and_begin_a_new_end() -> None:
    kinds: list[Kind] = ["step", "command", "error"]
    last = [event for kind in kinds for event in (Event(kind, kind), line(7), line(8))]
    seen = flooded(60_000, 1000, *last)
    assert [event.kind for event in seen if event.kind in kinds] == kinds
    assert numbers(seen)[-6:] == [7, 8] * 3


def test_watchers_are_told_how_it_goes_on() -> None:
    times: Iterator[float] = iter(range(10**9))
    seen: list[Event] = []
    capped = Capped(seen.append, 0, clock=lambda: next(times))
    for number in range(60_000):
        capped(line(number))
    told = [event.text for event in seen if "so far" in event.text]
    assert len(told) > 100
    assert "The latest line: line 0" in told[-1]


def test_a_line_of_any_length_costs_what_it_takes() -> None:
    seen: list[Event] = []
    capped = Capped(seen.append, 0, clock=lambda: 0.0)
    for _ in range(2000):
        capped(Event("output", "\N{SNOWMAN}" * 16_000))
    capped.flush()
    kept = [event for event in seen if event.kind == "output"]
    assert sum(2 * len(event.text) for event in kept) <= TAIL
