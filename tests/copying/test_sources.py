"""Which machine gives a copy."""

from __future__ import annotations

import pytest

from stacks.engine.errors import Refused
from stacks.operations.sources import Holder, choose


def test_the_one_that_gives_none_is_preferred() -> None:
    assert choose([Holder("gp02", gives=1), Holder("gp03")], "a") == "gp03"
    assert choose([Holder("gp03"), Holder("gp02")], "a") == "gp02"


def test_it_waits_while_each_gives_as_many_as_it_may() -> None:
    assert choose([Holder("gp02", gives=2), Holder("gp03", gives=2)], "a") is None
    assert choose([Holder("gp02", gives=2), Holder("gp03", gives=1)], "a") == "gp03"
    assert choose([Holder("gp02", gives=2)], "a", most=3) == "gp02"


def test_who_is_silent_or_without_address_is_passed_over() -> None:
    silent, closed = Holder("gp01", is_heard=False), Holder("gp02", has_address=False)
    assert choose([silent, closed, Holder("gp03", gives=1)], "a") == "gp03"
    assert choose([silent, closed, Holder("gp03", gives=2)], "a") is None
    with pytest.raises(Refused, match="gp01 was not heard of lately; gp02 has no address in its settings"):
        choose([closed, silent], "a")
    with pytest.raises(Refused, match="No other machine with the same live path has “a”"):
        choose([], "a")


def test_a_fan_out_is_a_tree() -> None:
    """Eight machines, two pulls a source: each round those that have it give it to twice as many."""
    having, waiting, rounds = ["m0"], [f"m{number}" for number in range(1, 9)], 0
    while waiting:
        gives = dict.fromkeys(having, 0)
        fetching = []
        for target in list(waiting):
            source = choose([Holder(name, gives[name]) for name in having], "a")
            if source is not None:
                gives[source] += 1
                fetching.append(target)
                waiting.remove(target)
        having += fetching
        rounds += 1
    assert rounds == 2
