"""`dlstack serve` and `dlstack prepare` where they are not meant to be used, or not typed right."""

from __future__ import annotations

import pytest

from tests.conftest import Home


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ("serve", "web"),
            "DATABASE_URL and REDIS_URL are not set, so nothing could reach this part: use `dlstack up`.",
        ),
        (("serve", "shell"), "invalid choice: 'shell' (choose from 'web', 'beat', 'build', 'live')"),
        (("serve",), "the following arguments are required: part"),
    ],
)
def test_refusals_are_one_line_and_2(home: Home, words: tuple[str, ...], why: str) -> None:
    done = home.dlstack(*words, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert done.stderr.count("\n") == 1
