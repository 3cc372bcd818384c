"""A version's pin and note."""

from __future__ import annotations

import pytest
from django.test import Client

from stacks import operations
from stacks.models import Version
from tests.stacks.conftest import Seal

ADDRESS = "/machines/local/versions/a/label/"


@pytest.fixture(autouse=True)
def row(sealed: Seal) -> Version:
    return sealed("a")


def test_it_works(as_operator: Client, row: Version) -> None:
    answer = as_operator.post(ADDRESS, {"pinned": "on", "note": "for the <b>school</b>"})
    row.refresh_from_db()
    assert (answer.status_code, row.pinned, row.note) == (302, True, "for the <b>school</b>")
    assert operations.keep(row.machine)["pinned"] == ["a"]
    page = as_operator.get("/machines/local/versions/a/").content.decode()
    assert "&lt;b&gt;school" in page
    assert "do/remove/" not in page
    as_operator.post(ADDRESS, {"note": ""})
    row.refresh_from_db()
    assert (row.pinned, row.note) == (False, "")


def test_refusals(as_operator: Client, as_viewer: Client, stranger: Client, row: Version) -> None:
    assert as_operator.post(ADDRESS, {"note": "x" * 501}).status_code == 409
    assert as_viewer.post(ADDRESS, {"pinned": "on"}).status_code == 403
    assert stranger.post(ADDRESS, {"pinned": "on"}).status_code == 302
    assert as_operator.get(ADDRESS).status_code == 405
    assert as_operator.post(ADDRESS.replace("/a/", "/z/")).status_code == 404
    row.refresh_from_db()
    assert (row.pinned, row.note) == (False, "")
