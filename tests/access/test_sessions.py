"""How a session begins, how long it lasts, and how it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from sesame.utils import get_token

from access import accounts, sessions
from access.models import Session
from access.roles import LOOK
from tests.access.conftest import PASSWORD, Form
from tests.conftest import People

HOUR = 3600
PAGE = {"Accept": "text/html"}
Later = Callable[[float], None]


def is_in(client: Client, **headers: str) -> bool:
    return client.get("/operations/", headers=headers).status_code == 200


def by_password(client: Client, user: User) -> None:
    client.post("/sign-in/", {"username": user.username, "password": PASSWORD})


def by_link(client: Client, user: User) -> None:
    client.get("/sign-in/link/", {"sesame": get_token(user)})


@pytest.mark.parametrize("sign_in", [by_password, by_link])
def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(
    known: User, sign_in: Callable[[Client, User], None]
) -> None:
    client = Client()
    client.session.save()  # what an attacker would put into somebody's browser
    store = client.session
    store["planted"] = "1"
    store.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = store.session_key or ""
    sign_in(client, known)
    assert is_in(client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert not is_in(thief)


@pytest.mark.parametrize("sign_in", [by_password, by_link])
def test_the_cookie_is_not_for_scripts_nor_for_other_sites(
    known: User, sign_in: Callable[[Client, User], None]
) -> None:
    client = Client()
    sign_in(client, known)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")


def test_a_session_that_is_not_used_ends(as_viewer: Client, long_ago: Later) -> None:
    for _ in range(3):
        long_ago(11 * HOUR)
        assert is_in(as_viewer, **PAGE)
    long_ago(13 * HOUR)
    answer = as_viewer.get("/operations/", follow=True)
    assert answer.redirect_chain == [("/sign-in/?next=/operations/", 302)]
    assert "You were signed out" in answer.content.decode()


def test_a_page_that_renews_itself_keeps_no_session_alive(as_viewer: Client, long_ago: Later) -> None:
    polls = {**PAGE, "HX-Request": "true"}
    long_ago(7 * HOUR)
    assert as_viewer.get("/", headers=polls).status_code == 200
    long_ago(7 * HOUR)
    assert as_viewer.get("/", headers=polls).status_code == 302


def test_a_session_ends_however_much_it_is_used(as_viewer: Client, long_ago: Later) -> None:
    for _ in range(16):
        long_ago(10 * HOUR)
        assert is_in(as_viewer, **PAGE)
    long_ago(10 * HOUR)
    assert not is_in(as_viewer, **PAGE)


def test_sign_out_everywhere(known: User, as_viewer: Client) -> None:
    browsers = [Client() for _ in range(3)]
    for client in browsers:
        by_password(client, known)
    page = browsers[0].get("/account/").content.decode()
    assert "In 3 browsers" in page
    answer = browsers[0].post("/account/sign-out-everywhere/", Form(page, "sign-out-everywhere").fields, follow=True)
    assert "You are signed out everywhere" in answer.content.decode()
    assert not any(map(is_in, browsers))
    assert is_in(as_viewer)
    assert not Session.objects.filter(account=known.pk).exists()


def test_who_is_shut_out_is_out_at_once(as_operator: Client, people: People) -> None:
    assert is_in(as_operator)
    accounts.close(user=people.operator, by=people.admin)
    assert not is_in(as_operator)


def test_another_password_ends_the_sessions_of_the_one_before(known: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        by_password(client, known)
    page = here.get("/account/password/").content.decode()
    asked = {**Form(page, "save").fields, "new_password1": "crab-nebula-1054", "new_password2": "crab-nebula-1054"}
    answer = here.post("/account/password/", asked, follow=True)
    assert "The password is set" in answer.content.decode()
    assert is_in(here)
    assert not is_in(there)
    assert Client().login(username="operator", password="crab-nebula-1054")


def test_a_page_that_follows_a_log_is_told_nothing_more_once_it_may_not(as_operator: Client, people: People) -> None:
    key = as_operator.session.session_key or ""

    def may(user: User) -> bool:
        return sessions.may_go_on(key=key, account=user.pk, right=LOOK)

    assert may(people.operator)
    assert not may(people.admin)
    people.operator.groups.clear()
    assert not may(people.operator)
    accounts.give(user=people.operator, role="viewer", by=None)
    assert may(people.operator)
    accounts.sign_out_everywhere(user=people.operator, by=None)
    assert not may(people.operator)


def test_what_is_over_is_removed(as_viewer: Client, as_operator: Client) -> None:
    from django.utils import timezone

    from access.tasks import tidy

    Session.objects.filter(session_key=as_viewer.session.session_key).update(expire_date=timezone.now())
    tidy()
    assert [row.session_key for row in Session.objects.all()] == [as_operator.session.session_key]
