"""The pages and the verbs about people."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from access import accounts, roles, tokens
from stacks.engine.errors import Refused
from tests.access.conftest import Form
from tests.conftest import Home, People


def test_everybody_is_listed(as_admin: Client) -> None:
    page = as_admin.get("/people/").content.decode()
    assert re.findall(r'href="/people/\d+/">(\w+)</a>', page) == ["admin", "operator", "viewer"]


def test_somebody_is_added_and_signs_in_by_the_link_of_their_page(as_admin: Client) -> None:
    form = Form(as_admin.get("/people/add/").content.decode(), "confirm").fields
    page = as_admin.post("/people/add/", {**form, "name": "carol", "role": "operator"}, follow=True).content.decode()
    address = f"/people/{User.objects.get(username='carol').pk}/link/"
    answer = as_admin.post(address, Form(page, "make-link").fields)
    link = re.search(r'value="http://testserver(/sign-in/link/\?sesame=[^"]+)"', answer.content.decode())
    assert link is not None
    assert "no-store" in answer.headers["Cache-Control"]
    carol = Client()
    assert carol.get(link[1]).headers["Location"] == "/"
    assert "carol" in carol.get("/account/").content.decode()
    assert roles.of(User.objects.get(username="carol")) == "operator"


@pytest.mark.parametrize("name", ["", "viewer", "VIEWER", "a b", "../x", "<b>", "x" * 151, "a\nb"])
def test_a_name_that_cannot_be_is_told(as_admin: Client, name: str) -> None:
    answer = as_admin.post("/people/add/", {"name": name, "role": "viewer"})
    assert answer.status_code == 422
    assert User.objects.count() == 3


def test_another_role(as_admin: Client, people: People) -> None:
    address = f"/people/{people.viewer.pk}/"
    form = Form(as_admin.get(address).content.decode(), "role").fields
    as_admin.post(f"{address}role/", {**form, "role": "operator"})
    assert roles.of(people.viewer) == "operator"
    stale = as_admin.post(f"{address}role/", {**form, "role": "viewer"})
    assert stale.status_code == 409
    assert "viewer is operator now: somebody changed that" in stale.content.decode()
    assert as_admin.post(f"{address}role/", {"role": "boss"}).status_code == 409


def test_the_last_admin_stays_one(people: People) -> None:
    with pytest.raises(Refused, match="the only admin"):
        accounts.give(user=people.admin, role="viewer", by=None)
    with pytest.raises(Refused, match="the only admin"):
        accounts.close(user=people.admin, by=None)
    with pytest.raises(Refused, match="your own account"):
        accounts.close(user=people.admin, by=people.admin)
    root = User.objects.create_superuser("root")
    accounts.give(user=root, role="viewer", by=people.admin)
    root.refresh_from_db()
    assert (roles.of(root), root.is_superuser) == ("viewer", False)


def test_a_closed_account_is_shut(as_admin: Client, as_operator: Client, people: People) -> None:
    token, text = tokens.issue(user=people.operator, name="ci", role="viewer", days=7, by=people.operator)
    address = f"/people/{people.operator.pk}/"
    as_admin.post(f"{address}close/", Form(as_admin.get(address).content.decode(), "close").fields)
    assert as_operator.get("/").status_code == 302
    assert tokens.find(text) is None
    assert as_admin.post(f"{address}link/").status_code == 409
    as_admin.post(f"{address}open/", Form(as_admin.get(address).content.decode(), "open").fields)
    assert tokens.find(text) == token


def test_signed_out_by_an_admin(as_admin: Client, as_operator: Client, people: People) -> None:
    as_admin.post(f"/people/{people.operator.pk}/sign-out/")
    assert as_operator.get("/").status_code == 302
    as_admin.post(f"/people/{people.admin.pk}/sign-out/")
    assert as_admin.get("/").status_code == 302


@pytest.mark.parametrize("part", ["", "role/", "close/", "open/", "sign-out/", "link/"])
def test_missing(as_admin: Client, part: str) -> None:
    answer = as_admin.post(f"/people/99/{part}") if part else as_admin.get("/people/99/")
    assert answer.status_code == 404


def test_the_menu_leads_there_for_admins_alone(as_admin: Client, as_operator: Client) -> None:
    assert 'href="/people/"' in as_admin.get("/").content.decode()
    assert 'href="/people/"' not in as_operator.get("/").content.decode()


def test_verbs(home: Home) -> None:
    added = home.json("user-add", "carol", "--role", "operator", "--address", "https://stacks.example.org/")
    assert added["link"].startswith("https://stacks.example.org/sign-in/link/?sesame=")
    assert home.json("user-set", "carol", "--role", "viewer") == {"name": "carol", "role": "viewer", "open": True}
    assert home.json("user-set", "carol", "--close")["open"] is False
    for arguments, says in (
        (("user-link", "carol"), "The account carol is closed"),
        (("user-add", "carol"), "There is an account “carol” already"),
        (("user-add", "dave", "--role", "boss"), "there are: viewer, operator, admin"),
        (("user-set", "admin", "--role", "viewer"), "admin is the only admin"),
        (("user-set", "nosuch", "--open"), "There is no account “nosuch”"),
        (("user-set", "carol"), "Say what to change"),
    ):
        done = home.dlstack(*arguments, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
    listed = home.json("users")
    assert [(one["name"], one["role"], one["open"]) for one in listed] == [
        ("admin", "admin", True),
        ("carol", None, False),
    ]


def test_who_types_is_told_apart_from_an_account_without_the_right(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stacks.management.verb import requester

    monkeypatch.setenv("LOGNAME", "viewer")
    assert requester() is None
    monkeypatch.setenv("LOGNAME", "operator")
    assert requester() == people.operator
    assert requester(roles.DELETE) is None


def test_roles_come_with_the_tables(db: None) -> None:
    call_command("migrate", verbosity=0)
    assert set(roles.Role) == set(Group.objects.values_list("name", flat=True))
