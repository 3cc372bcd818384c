from __future__ import annotations

import json

from django.test import Client

from stacks.models import Machine
from tests.kernels.views.conftest import BAD, text

ADDRESS = "/kernels/validate"
HTMX = {"HX-Request": "true"}


def test_it_works(as_admin: Client) -> None:
    answer = as_admin.post(ADDRESS, {"text": text()})
    assert answer.status_code == 200
    assert "that Jupyter can start" in answer.content.decode()


def test_everything_that_is_wrong_is_told(as_admin: Client) -> None:
    answer = as_admin.post(ADDRESS, {"text": '{"argv": ["x"], "env": 1}'})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "no-connection-file" in page
    assert "bad-env" in page
    assert "no-display-name" in page


def test_htmx_gets_a_status_that_it_shows(as_admin: Client) -> None:
    assert as_admin.post(ADDRESS, {"text": "{"}, headers=HTMX).status_code == 200


def test_nothing_is_markup(as_admin: Client) -> None:
    page = as_admin.post(ADDRESS, {"text": text(BAD) + BAD}).content.decode()
    assert "<script" not in page
    page = as_admin.post(ADDRESS, {"text": json.dumps({BAD: 1})}).content.decode()
    assert "<script" not in page
    assert "unknown-field" in page


def test_a_viewer_may_not(as_viewer: Client) -> None:
    assert as_viewer.post(ADDRESS, {"text": "{}"}).status_code == 403


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.post(ADDRESS, {"text": "{}"}).status_code == 302


def test_it_is_only_sent(as_admin: Client) -> None:
    assert as_admin.get(ADDRESS).status_code == 405
