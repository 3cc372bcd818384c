"""The number of queries of every page is small, and the same for few and for many machines, versions and operations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kernels import latest
from tests import addresses
from tests.many import Many
from tests.stacks.views.conftest import signed_in

pytestmark = pytest.mark.django_db
MOST = 15
COMMAND = 405  # only ever sent


def test_queries_are_few_and_do_not_grow(tmp_path: Path) -> None:
    few, many = (dict(counted(tmp_path / str(scale), scale)) for scale in (1, 3))
    assert len(few) > 100
    assert few.keys() == many.keys()
    assert {name: (few[name], many[name]) for name in few if many[name] > few[name]} == {}
    assert {name: number for name, number in many.items() if number > MOST} == {}


def counted(root: Path, scale: int) -> Iterator[tuple[str, int]]:
    """Give the number of queries of each page; what was written is taken back."""
    root.mkdir()
    with transaction.atomic():
        many = Many(root, machines=10 * scale, versions=50 * scale * scale, operations=400 * scale)
        client = signed_in(many.admin)
        for name, listed in addresses.pages(many).items():
            for number, address in enumerate(listed):
                if (asked := queries(client, address)) is not None:
                    yield f"{name} {number}", asked
        transaction.set_rollback(True)


def queries(client: Client, address: str) -> int | None:
    """Count the queries of a page; None for what is no page."""
    latest.read_once.cache_clear()  # a page may be the first to be asked for
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
    if answer.status_code == COMMAND:
        return None
    assert answer.status_code == 200 or answer.headers["Location"] != "/sign-in/", (address, answer.status_code)
    return len(asked)
