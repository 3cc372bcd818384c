from __future__ import annotations

import re

import pytest
from django.test import AsyncClient, Client

from stacks.models import Operation
from tests.conftest import People
from tests.stacks.views.conftest import Make
from tests.stacks.views.test_operation import logged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def long(no_broker: None, operation: Make) -> Operation:
    return logged(operation("failed"), *(f"\x1b[32mline\x1b[0m {n}" for n in range(1, 4501)))


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("", 1, 2000),
        ("?from=11&to=20", 11, 20),
        ("?to=4500", 2501, 4500),
        ("?from=4400", 4400, 4500),
        ("?from=1&to=4500", 1, 2000),
        ("?from=-1&to=x", 1, 2000),
        ("?from=99999999999999999999", 1, 2000),
    ],
)
def test_ranges(as_viewer: Client, long: Operation, query: str, first: int, last: int) -> None:
    page = as_viewer.get(f"/operations/{long.pk}/log{query}").content.decode()
    found = [int(number) for number in re.findall(r'id="L(\d+)"', page)]
    assert found == list(range(first, last + 1))


def test_beyond_the_end_is_empty(as_viewer: Client, long: Operation) -> None:
    assert as_viewer.get(f"/operations/{long.pk}/log?from=4501").content == b""


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_raw(people: People, long: Operation) -> None:
    client = AsyncClient()
    await client.aforce_login(people.viewer)
    response = await client.get(f"/operations/{long.pk}/log.txt")
    text = b"".join([part async for part in response]).decode()  # type: ignore[attr-defined]
    assert text == "".join(f"line {n}\n" for n in range(1, 4501))
    assert response["Content-Disposition"] == f'attachment; filename="local-build-a-{long.pk}.log"'
    assert response["Content-Type"].startswith("text/plain")


def test_search(as_viewer: Client, long: Operation) -> None:
    found = as_viewer.get(f"/operations/{long.pk}/log/search?q=LINE 450").json()
    assert [line["n"] for line in found["lines"]] == [450, 4500]
    assert found["lines"][0]["text"] == "line 450"
    assert (found["searched"], found["complete"]) == (4500, True)
    many = as_viewer.get(f"/operations/{long.pk}/log/search?q=line").json()
    assert (len(many["lines"]), many["searched"], many["complete"]) == (200, 200, False)
    assert as_viewer.get(f"/operations/{long.pk}/log/search").json()["lines"] == []
    assert as_viewer.get(f"/operations/{long.pk}/log/search?errors=1").json()["lines"] == []


def test_a_long_line_is_shortened(as_viewer: Client, no_broker: None, operation: Make) -> None:
    made = logged(operation("failed"), "x" * 5000)
    (line,) = as_viewer.get(f"/operations/{made.pk}/log/search?q=xxx").json()["lines"]
    assert len(line["text"]) == 200
    assert line["text"].endswith("…")


def test_the_first_error(as_viewer: Client, no_broker: None, operation: Make) -> None:
    made = logged(operation("failed"), "fine", "ERROR: one", "ERROR: two")
    assert as_viewer.get(f"/operations/{made.pk}/log/first-error")["Location"] == f"/operations/{made.pk}/?line=2#L2"
    without = logged(operation("succeeded"), "fine")
    page = as_viewer.get(f"/operations/{without.pk}/log/first-error", follow=True)
    assert "No line of this log looks like an error." in page.content.decode()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_raw_to_read_here_with_times(people: People, long: Operation) -> None:
    client = AsyncClient()
    await client.aforce_login(people.viewer)
    response = await client.get(f"/operations/{long.pk}/log.txt?view=1&times=1")
    text = b"".join([part async for part in response]).decode()  # type: ignore[attr-defined]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z line 1\n", text)
    assert response["Content-Disposition"].startswith("inline")
    assert response["X-Content-Type-Options"] == "nosniff"


def test_lines_of_any_length_make_pages_of_bounded_size(as_viewer: Client, no_broker: None, operation: Make) -> None:
    text = "<&" * 8000 + "\x1b[31m<\x1b[32m&" * 500
    long = logged(operation("failed"), *[text] * 600)
    for page in ("", "log?from=1&to=2000"):
        content = as_viewer.get(f"/operations/{long.pk}/{page}").content
        assert len(content) < 1_000_000
        assert content.count(b"shortened here") >= 500
    short = logged(operation("failed"), *["x" * 100] * 600)
    assert b"shortened here" not in as_viewer.get(f"/operations/{short.pk}/log?from=1&to=600").content
