"""What an error was raised from."""

from __future__ import annotations

import errno

import pytest

from stacks.engine import damage, shortage
from stacks.engine.errors import Failed, with_causes
from stacks.engine.layout import Layout


def _raised_from_itself() -> Failed:
    error = Failed("It went wrong.")
    with pytest.raises(Failed):
        raise error from error
    return error


def test_each_cause_is_given_once() -> None:
    first = OSError(errno.EIO, "Input/output error")
    second = Failed("It went wrong.")
    second.__cause__, first.__cause__ = first, second
    assert [*with_causes(second)] == [second, first]
    assert [*with_causes(None)] == []


@pytest.mark.timeout(20)
def test_an_error_that_was_raised_from_itself_ends_what_explains_it(layout: Layout) -> None:
    error = _raised_from_itself()
    assert shortage.explained(layout, error) is error
    assert damage.explained(layout, error) is error
