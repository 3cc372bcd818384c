from __future__ import annotations

import pytest
from django.test import Client

from stacks.models import Machine
from tests.stacks.views.conftest import Make

ADDRESS = "/operations/"


def listed(client: Client, **query: str) -> int:
    return client.get(ADDRESS, query).content.decode().count('class="op is-')


def test_it_works(as_viewer: Client, operation: Make) -> None:
    operation("failed", message="no such package")
    page = as_viewer.get(ADDRESS).content.decode()
    assert 'Build <span class="name">a</span>' in page
    assert "no such package" in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 3),
        ({"machine": "gp12"}, 1),
        ({"kind": "deploy"}, 1),
        ({"state": "running"}, 1),
        ({"who": "OPER"}, 3),
        ({"who": "nobody"}, 0),
        ({"state": "nonsense", "machine": "none"}, 3),
    ],
)
def test_filter(as_viewer: Client, elsewhere: Machine, operation: Make, query: dict[str, str], count: int) -> None:
    operation("failed")
    operation("running", machine=elsewhere)
    operation("succeeded", "deploy")
    assert listed(as_viewer, **query) == count


def test_pages_keep_the_filter(as_viewer: Client, operation: Make) -> None:
    for _ in range(31):
        operation("failed")
    page = as_viewer.get(ADDRESS, {"state": "failed"}).content.decode()
    assert 'href="?state=failed&amp;page=2"' in page
    assert listed(as_viewer, state="failed", page="2") == 1
    assert listed(as_viewer, page="nonsense") == 30


def test_empty(as_viewer: Client) -> None:
    assert "No operation yet" in as_viewer.get(ADDRESS).content.decode()
    assert "Nothing fits this filter" in as_viewer.get(ADDRESS, {"who": "x"}).content.decode()


def test_a_stranger_is_sent_to_sign_in(stranger: Client) -> None:
    assert stranger.get(ADDRESS).status_code == 302


def test_only_reading(as_operator: Client) -> None:
    assert as_operator.post(ADDRESS).status_code == 405
