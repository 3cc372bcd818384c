"""What is thrown at every entry: hostile names, odd text, broken JSON; 10,000 of each in `make faults`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from stacks.engine.errors import EngineError
from tests.faults.conftest import FULL

T = TypeVar("T")
EXAMPLES = 10_000 if os.environ.get(FULL) else 60
thorough = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=not os.environ.get(FULL),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
# Where each example asks a real page or reads a whole root, a twentieth.
heavy = settings(thorough, max_examples=max(15, EXAMPLES // 20))

_PIECES = (
    *("..", ".", "/", "\\", "~", "-", "--", "-e", "--delete", "host:", "::", "%2e%2e", "%00", " ", "\n", "\r", "\t"),
    *(
        "\0",
        "\x1b[31m",
        "\u202e",
        "\ufeff",
        "\u2028",
        "а",
        "ｓ",
        "ﬁ",
        "\ud800",
        "$(id)",
        "`id`",
        ";id",
        "|id",
        "&",
        "*",
    ),
    *("'", '"', "<script>", "{connection_file}", "{{x}}", "{% x %}", "%s", "hdd", "tmpfs", "sw", ".dlstack", "a", "v1"),
    *("2026-11-22", "+1", "+0", "_", "A" * 63, "x" * 300, ".git", "CON", "null", "__proto__"),
)
# A name as an attacker or a cat on a keyboard would type it; and paths, options and hosts that look like one.
names = st.one_of(
    st.text(max_size=80),
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=5).map("".join),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,70}", fullmatch=True),
    st.sampled_from(("", "/etc/passwd", "../../etc/shadow", "-rf", "a\n", "a\0b", "host:dir", "sw.hdd", "x" * 5000)),
)
texts = st.one_of(st.text(max_size=400), st.lists(st.sampled_from(_PIECES), max_size=40).map("".join))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
DEEP = (b"[" * 8000, b'{"a":' * 4000, b"[" + b"1," * 500 + b"]", b"1e99999", b'"\\ud800"', b"\xff\xfe", b"")


def given_or_refused(call: Callable[..., T], *arguments: Any) -> T | None:
    """Call what may refuse its arguments, in a sentence; None where it does."""
    try:
        return call(*arguments)
    except EngineError as error:
        said = str(error)
    assert said.strip()
    return None


def documents(*keys: str) -> st.SearchStrategy[bytes]:
    """Give JSON documents, most of them with some of these keys, and bytes that are none."""
    whole = st.dictionaries(st.one_of(st.sampled_from(keys), names), values, max_size=len(keys) + 2) if keys else values
    written = st.one_of(whole, values).map(lambda value: json.dumps(value).encode())
    torn = st.tuples(written, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
    return st.one_of(written, torn, st.binary(max_size=300), st.sampled_from(DEEP))
