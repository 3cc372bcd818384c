"""Freezing a machine, and clearing the mark on a version."""

from __future__ import annotations

import pytest
from django.test import Client

from stacks import marks
from stacks.models import Event, Machine, Version
from tests.conftest import People
from tests.stacks.conftest import Seal

FREEZE, CLEAR = "/machines/local/freeze/", "/machines/local/versions/a/clear/"


@pytest.fixture(autouse=True)
def row(sealed: Seal) -> Version:
    return sealed("a")


@pytest.fixture
def bad(row: Version, people: People) -> Version:
    marks.mark_bad(version=row, by=people.admin, reason="plots <i>die</i>")
    return row


def test_freeze_and_unfreeze(as_operator: Client, machine: Machine) -> None:
    assert "Freeze deploys of local?" in as_operator.get(FREEZE).content.decode()
    answer = as_operator.post(FREEZE, {"do": "freeze", "reason": "exam <b>week</b>"})
    assert answer.headers["Location"] == "/machines/local/"
    for address in ("/", "/machines/local/", "/machines/local/incident/", FREEZE):
        text = as_operator.get(address).content.decode()
        assert "exam &lt;b&gt;week" in text
        assert "operator" in text
    answer = as_operator.post(FREEZE, {"do": "unfreeze", "reason": "over", "back": "incident"})
    assert answer.headers["Location"] == "/machines/local/incident/"
    machine.refresh_from_db()
    assert machine.frozen_since is None


def test_a_second_freeze_is_told_who_was_first(as_operator: Client, machine: Machine, people: People) -> None:
    marks.freeze(machine=machine, by=people.admin, reason="exam week")
    answer = as_operator.post(FREEZE, {"do": "freeze", "reason": "me too"})
    assert answer.status_code == 409
    assert "by admin" in answer.content.decode()


@pytest.mark.parametrize("asked", [{"do": "freeze"}, {"do": "freeze", "reason": " "}, {"do": "x", "reason": "y"}, {}])
def test_what_cannot_be_read(as_operator: Client, asked: dict[str, str]) -> None:
    assert as_operator.post(FREEZE, asked).status_code == 422
    assert not Event.objects.exists()


def test_a_bad_version_is_shown_as_such(as_operator: Client, bad: Version) -> None:
    text = as_operator.get("/machines/local/versions/a/").content.decode()
    assert "plots &lt;i&gt;die" in text
    assert "by admin" in text
    assert "marked bad" in text
    for gone in ("Deploy…", "do/remove/"):
        assert gone not in text
    listed = as_operator.get("/machines/local/").content.decode()
    assert "marked bad" in listed
    assert 'id="deploy-a"' not in listed
    refused = as_operator.get("/machines/local/deploy/a/").content.decode()
    assert "It is not deployed until somebody clears the mark" in refused


def test_clear(as_operator: Client, bad: Version) -> None:
    answer = as_operator.post(CLEAR, {"reason": "it was the disk"})
    assert answer.headers["Location"] == "/machines/local/versions/a/"
    bad.refresh_from_db()
    assert bad.bad_since is None
    assert [event.kind for event in Event.objects.order_by("pk")] == ["mark-bad", "clear"]
    assert "marked bad" not in as_operator.get("/machines/local/versions/a/").content.decode()


def test_a_clear_that_is_refused(as_operator: Client, bad: Version) -> None:
    assert as_operator.post(CLEAR, {"reason": ""}).status_code == 409
    as_operator.post(CLEAR, {"reason": "once"})
    again = as_operator.post(CLEAR, {"reason": "twice"})
    assert again.status_code == 409
    assert "not marked bad" in again.content.decode()
    assert as_operator.get(CLEAR).headers["Location"] == "/machines/local/versions/a/"


@pytest.mark.parametrize("address", [FREEZE, CLEAR])
def test_who_may(as_viewer: Client, stranger: Client, as_operator: Client, bad: Version, address: str) -> None:
    asked = {"do": "freeze", "reason": "x"}
    assert as_viewer.post(address, asked).status_code == 403
    assert stranger.post(address, asked).status_code == 302
    assert as_operator.put(address).status_code == 405
    assert as_operator.post(address.replace("local", "nosuch"), asked).status_code == 404
    assert as_operator.post(CLEAR.replace("/a/", "/z/"), asked).status_code == 404
    assert Event.objects.count() == 1


def test_a_viewer_is_offered_nothing(as_viewer: Client, bad: Version) -> None:
    text = as_viewer.get("/machines/local/versions/a/").content.decode()
    assert "marked bad" in text
    assert 'id="clear"' not in text
