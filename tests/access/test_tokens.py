"""Tokens: shown once, kept as digests, as strong as their role and their owner, and no longer."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from access import accounts, tokens
from access.models import Session, Token
from access.roles import DELETE, LOOK, OPERATE
from stacks.engine.errors import Refused
from tests.access.conftest import Form, Trail
from tests.conftest import People


def issue(user: User, role: str = "operator") -> tuple[Token, str]:
    return tokens.issue(user=user, name="ci", role=role, days=7, by=user)


def test_it_is_made_on_the_page_and_shown_once(as_operator: Client, trail: Trail) -> None:
    page = as_operator.get("/account/").content.decode()
    asked = {**Form(page, "add-token").fields, "name": "nightly", "role": "operator", "days": "30"}
    answer = as_operator.post("/account/tokens/", asked)
    text = re.findall(r"dls_[0-9a-f]{8}_[\w-]{43}", answer.content.decode())[0]
    assert answer.status_code == 201
    assert "no-store" in answer.headers["Cache-Control"]
    assert text not in as_operator.get("/account/").content.decode()
    made = Token.objects.get()
    assert tokens.find(text) == made
    kept = [*Token.objects.values(), *Session.objects.values(), *map(vars, trail())]
    assert text not in str(kept)
    assert text.split("_", 2)[2] not in str(kept)
    assert trail()[-1].what.startswith(
        f"The token “nightly” (dls_{made.prefix}…) of operator was made: operator, until "
    )


@pytest.mark.parametrize("change", ["", "x", " "])
def test_only_the_very_text_opens(people: People, change: str) -> None:
    made, text = issue(people.operator)
    assert tokens.find(text) == made
    prefix, secret = f"dls_{made.prefix}", text.split("_", 2)[2]
    for bad in (
        text + "x",
        text[:-1] + change,
        prefix,
        f"{prefix}_",
        f"{prefix}_{'A' * len(secret)}",
        secret,
        "",
        "é\0",
    ):
        assert tokens.find(bad) is None


def test_it_ends_by_time_by_hand_and_with_its_owner(people: People) -> None:
    made, text = issue(people.operator)
    accounts.close(user=people.operator, by=None)
    assert tokens.find(text) is None
    accounts.reopen(user=people.operator, by=None)
    assert tokens.find(text) == made
    Token.objects.update(expires_at=F("expires_at") - timedelta(days=8))
    assert tokens.find(text) is None
    Token.objects.update(expires_at=F("expires_at") + timedelta(days=8))
    tokens.revoke(token=made, by=people.operator)
    assert tokens.find(text) is None


def test_it_may_what_both_it_and_its_owner_may(people: People) -> None:
    made, text = issue(people.operator, "operator")
    weak, _ = issue(people.operator, "viewer")
    assert [tokens.may(made, right) for right in (LOOK, OPERATE, DELETE)] == [True, True, False]
    assert [tokens.may(weak, right) for right in (LOOK, OPERATE, DELETE)] == [True, False, False]
    accounts.give(user=people.operator, role="viewer", by=None)
    later = tokens.find(text)
    assert later is not None
    assert [tokens.may(later, right) for right in (LOOK, OPERATE)] == [True, False]


@pytest.mark.parametrize(("role", "days"), [("admin", 7), ("boss", 7), ("viewer", 0), ("viewer", 400)])
def test_what_cannot_be_made(people: People, role: str, days: int) -> None:
    with pytest.raises(Refused):
        tokens.issue(user=people.operator, name="ci", role=role, days=days, by=people.operator)
    assert not Token.objects.exists()


@pytest.mark.parametrize("bad", [{"role": "admin"}, {"name": ""}, {"days": "400"}, {"role": ""}])
def test_a_bad_form_makes_none(as_operator: Client, bad: dict[str, str]) -> None:
    answer = as_operator.post("/account/tokens/", {"name": "ci", "role": "viewer", "days": "7", **bad})
    assert answer.status_code == 422
    assert not Token.objects.exists()


def test_nobody_revokes_anothers_but_an_admin(
    as_operator: Client, as_viewer: Client, as_admin: Client, people: People
) -> None:
    made, _ = issue(people.operator)
    address = f"/account/tokens/{made.pk}/revoke/"
    assert as_viewer.post(address).status_code == 404
    assert as_operator.post(f"/people/{people.operator.pk}/tokens/{made.pk}/revoke/").status_code == 403
    made.refresh_from_db()
    assert made.revoked_at is None
    assert as_admin.post(f"/people/{people.viewer.pk}/tokens/{made.pk}/revoke/").status_code == 404
    as_admin.post(f"/people/{people.operator.pk}/tokens/{made.pk}/revoke/")
    made.refresh_from_db()
    assert made.revoked_at is not None
    assert "revoked" in as_operator.get("/account/").content.decode()
