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
