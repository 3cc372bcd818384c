from __future__ import annotations

import pytest
from django.test import Client
from sesame.utils import get_token

from tests.conftest import People

LINK = "/sign-in/link/"


@pytest.fixture
def token(people: People) -> str:
    return str(get_token(people.operator))


def is_signed_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_password(stranger: Client, people: People) -> None:
    people.viewer.set_password("orion-nebula-42")
    people.viewer.save()
    asked = {"username": "viewer", "password": "orion-nebula-42", "next": "/operations/"}
    assert stranger.post("/sign-in/", asked).headers["Location"] == "/operations/"
    assert is_signed_in(stranger)


def test_a_wrong_password_is_told(stranger: Client) -> None:
    page = stranger.post("/sign-in/", {"username": "viewer", "password": "wrong"})
    assert 'role="alert"' in page.content.decode()
    assert not is_signed_in(stranger)


def test_nobody_is_sent_to_another_site(stranger: Client, people: People) -> None:
    people.viewer.set_password("orion-nebula-42")
    people.viewer.save()
    asked = {"username": "viewer", "password": "orion-nebula-42", "next": "https://example.org/"}
    assert stranger.post("/sign-in/", asked).headers["Location"] == "/"


def test_a_link_signs_in_once(stranger: Client, token: str) -> None:
    assert stranger.get(LINK, {"sesame": token}).headers["Location"] == "/"
    assert is_signed_in(stranger)
    other = Client()
    response = other.get(LINK, {"sesame": token})
    assert response.status_code == 403
    assert "does not work any more" in response.content.decode()
    assert not is_signed_in(other)


@pytest.mark.parametrize("bad", ["", "nonsense", "<script>"])
def test_a_link_that_is_none(stranger: Client, bad: str) -> None:
    response = stranger.get(LINK, {"sesame": bad})
    assert response.status_code == 403
    assert b"<script>" not in response.content


def test_the_form_needs_its_token(people: People) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/sign-in/", {"username": "viewer", "password": "x"})
    assert response.status_code == 403
    assert "The form was too old" in response.content.decode()
