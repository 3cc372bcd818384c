"""Ten passwords per account in a quarter of an hour, however many ask at once and from wherever (N16)."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from sesame.utils import get_token

from access import origin, throttle
from access.models import SignInTry
from tests.access.conftest import PASSWORD, Trail

ADDRESS, WRONG = "/sign-in/", "wrong"


def sign_in(client: Client, name: str = "operator", password: str = WRONG, **headers: str) -> int:
    return client.post(ADDRESS, {"username": name, "password": password}, headers=headers).status_code


def test_the_eleventh_try_is_refused_even_with_the_right_password(known: User, trail: Trail) -> None:
    assert [sign_in(Client()) for _ in range(11)] == [200] * 10 + [429]
    client = Client()
    answer = client.post(ADDRESS, {"username": "operator", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Too many tries: wait 15 minutes, or sign in with a one-time link" in answer.content.decode()
    kinds = [entry.kind for entry in trail()]
    assert kinds.count("sign-in-failed") == 10
    assert kinds.count("throttled") == 2


def test_a_one_time_link_works_all_the_same(known: User) -> None:
    for _ in range(11):
        sign_in(Client())
    assert Client().get("/sign-in/link/", {"sesame": get_token(known)}).status_code == 302


def test_it_is_over_after_a_quarter_of_an_hour(known: User) -> None:
    for _ in range(10):
        sign_in(Client())
    SignInTry.objects.update(at=F("at") - throttle.WINDOW - timedelta(seconds=1))
    assert throttle.forget() == 10
    assert sign_in(Client()) == 200


def test_the_right_password_gives_the_tries_back_but_not_those_of_others(known: User, settings: Settings) -> None:
    for _ in range(3):
        sign_in(Client())
        sign_in(Client(REMOTE_ADDR="192.0.2.7"))
    assert sign_in(Client(), password=PASSWORD) == 302
    assert set(SignInTry.objects.values_list("address", flat=True)) == {"192.0.2.7"}


def test_names_in_other_letters_share_their_tries(known: User) -> None:
    for name in ("operator", "Operator", "OPERATOR") * 3 + ("operator",):
        sign_in(Client(), name)
    assert sign_in(Client(), "oPERATOR") == 429


def test_an_address_has_its_tries_too(known: User) -> None:
    assert {sign_in(Client(), f"nobody{number}") for number in range(throttle.PER_ADDRESS)} == {200}
    assert sign_in(Client(), "operator", PASSWORD) == 429
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7"), "operator", PASSWORD) == 302


@pytest.mark.django_db(transaction=True)
def test_tries_at_once_are_counted_before_they_are_looked_at(known: User, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, real = [], User.check_password

    def look(user: User, raw: str) -> bool:
        looked.append(raw)
        return bool(real(user, raw))

    monkeypatch.setattr(User, "check_password", look)
    answers: list[int] = []

    def attack(number: int) -> None:
        answers.append(sign_in(Client(REMOTE_ADDR=f"192.0.2.{number}"), password=f"guess-{number}"))
        connection.close()

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked) == throttle.PER_ACCOUNT
    assert (answers.count(200), answers.count(429)) == (10, 40)


@pytest.mark.parametrize(
    ("proxies", "header", "address"),
    [
        (0, "203.0.113.9", "10.0.0.1"),  # nobody of ours wrote it
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "6.6.6.6", "10.0.0.1"),  # it came past the proxies
        (1, "", "10.0.0.1"),
        (1, "x" * 1000, "x" * 45),
    ],
)
def test_whose_address_it_is(settings: Settings, proxies: int, header: str, address: str) -> None:
    settings.DLSTACK = settings.DLSTACK.model_copy(update={"proxies": proxies})
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": header})
    assert origin.address_of(request) == address


def test_behind_a_proxy_each_address_is_told_apart(known: User, settings: Settings) -> None:
    settings.DLSTACK = settings.DLSTACK.model_copy(update={"proxies": 1})
    for number in range(throttle.PER_ADDRESS):
        sign_in(Client(), f"nobody{number}", **{"X-Forwarded-For": f"6.6.6.{number}, 203.0.113.9"})
    assert sign_in(Client(), "operator", PASSWORD, **{"X-Forwarded-For": "203.0.113.9"}) == 429
    assert sign_in(Client(), "operator", PASSWORD, **{"X-Forwarded-For": "203.0.113.10"}) == 302


def test_what_was_typed_as_a_name_is_kept_nowhere(known: User, trail: Trail) -> None:
    typed = "my-password-in-the-wrong-field"
    sign_in(Client(), typed)
    assert typed not in str([vars(entry) for entry in trail()])
    assert typed not in str(list(SignInTry.objects.values()))
