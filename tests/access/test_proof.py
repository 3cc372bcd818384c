"""What destroys asks who is there: once more where that was long ago, with nothing typed twice, without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from sesame.utils import get_query_string, get_token

from access import proof, sessions
from stacks.models import Machine, Operation
from tests.access.conftest import PASSWORD, Form, Trail
from tests.conftest import People
from tests.stacks.conftest import Seal, activate

REMOVE = "/machines/local/versions/a/do/remove/"


@pytest.fixture
def admin_known(people: People) -> User:
    people.admin.set_password(PASSWORD)
    people.admin.save()
    return people.admin


@pytest.fixture
def stale(as_admin: Client, admin_known: User) -> Client:
    """An admin who signed in twenty minutes ago."""
    as_admin.force_login(admin_known)
    forget(as_admin)
    return as_admin


def forget(client: Client) -> None:
    session = client.session
    session[sessions.PROVED] -= proof.LASTS + 300
    session.save()


@pytest.fixture
def asked(stale: Client, sealed: Seal) -> str:
    """The question that comes where a removal was confirmed."""
    sealed("a")
    activate(sealed("b"))
    page = stale.get(REMOVE).content.decode()
    # The state that was seen stands outside of the form, which it names.
    seen = page.split('name="seen" value="')[1].split('"')[0]
    fields = {**Form(page, "confirm").fields, "seen": seen, "reason": "no room <&>"}
    answer = stale.post(REMOVE, fields)
    assert answer.status_code == 403
    assert not Operation.objects.exists()
    return answer.content.decode()


def test_the_fields_come_along_and_the_password_does_it(stale: Client, asked: str, trail: Trail) -> None:
    assert "Is it you, admin?" in asked
    fields = Form(asked, "prove").fields
    assert fields["reason"] == "no room <&>"
    before = stale.session.session_key
    answer = stale.post(REMOVE, {**fields, "proof_password": PASSWORD})
    made = Operation.objects.get()
    assert answer.headers["Location"] == f"/operations/{made.pk}/"
    assert (made.kind, made.reason) == ("remove", "no room <&>")
    assert stale.session.session_key != before
    assert [entry.kind for entry in trail()][-2:] == ["proof", "operation"]


def test_it_is_not_asked_again_for_a_while(stale: Client, asked: str, sealed: Seal) -> None:
    stale.post(REMOVE, {**Form(asked, "prove").fields, "proof_password": "wrong"})
    stale.post(REMOVE, {**Form(asked, "prove").fields, "proof_password": PASSWORD})
    assert stale.post("/account/tokens/", {"name": "ci", "role": "viewer", "days": "7"}).status_code == 201


def test_a_wrong_password_is_told_and_the_fields_are_kept(stale: Client, asked: str, trail: Trail) -> None:
    answer = stale.post(REMOVE, {**Form(asked, "prove").fields, "proof_password": "wrong"})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "This is not the password." in page
    assert Form(page, "prove").fields["reason"] == "no room <&>"
    assert not Operation.objects.exists()
    assert "sign-in-failed" in [entry.kind for entry in trail()]


def test_passwords_are_as_few_as_at_the_sign_in(stale: Client, asked: str) -> None:
    fields = Form(asked, "prove").fields
    for _ in range(10):
        stale.post(REMOVE, {**fields, "proof_password": "wrong"})
    answer = stale.post(REMOVE, {**fields, "proof_password": PASSWORD})
    assert "Too many wrong passwords" in answer.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("as_address", [True, False])
def test_a_fresh_link_does_it_where_there_is_no_password(
    as_admin: Client, people: People, sealed: Seal, as_address: bool
) -> None:
    sealed("a")
    activate(sealed("b"))
    forget(as_admin)
    seen = str(Machine.objects.get().versions.get(name="a").uuid)
    page = as_admin.post(REMOVE, {"seen": seen}).content.decode()
    assert "Your account has no password" in page
    assert 'name="proof_password"' not in page
    token, query = get_token(people.admin), get_query_string(people.admin)
    link = f"http://127.0.0.1:8000/sign-in/link/{query}" if as_address else token
    fields = Form(page, "prove").fields
    assert as_admin.post(REMOVE, {**fields, "proof_link": f" {link} "}).status_code == 302
    assert Operation.objects.get().kind == "remove"
    Operation.objects.all().delete()  # a busy lane would be told first
    forget(as_admin)
    again = as_admin.post(REMOVE, {**fields, "proof_link": link})
    assert "was used, or is too old" in again.content.decode()


def test_somebody_elses_link_does_not(stale: Client, asked: str, people: People) -> None:
    link = get_token(people.viewer)
    answer = stale.post(REMOVE, {**Form(asked, "prove").fields, "proof_link": link})
    assert "This link is none of yours" in answer.content.decode()
    assert not Operation.objects.exists()


def test_a_page_of_passwords_asks_before_it_is_shown_and_keeps_none(stale: Client) -> None:
    address = "/account/password/"
    page = stale.get(address)
    assert page.status_code == 403
    answer = stale.post(address, {**Form(page.content.decode(), "prove").fields, "proof_password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, address)
    assert "new_password1" in stale.get(address).content.decode()
    forget(stale)
    late = stale.post(address, {"new_password1": "crab-nebula-1054", "new_password2": "crab-nebula-1054"})
    assert late.status_code == 403
    assert "crab-nebula" not in late.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        REMOVE, "/machines/local/do/prune/", "/machines/local/do/provision/",
        "/people/add/", "/people/{}/role/", "/people/{}/close/", "/people/{}/open/", "/people/{}/link/",
        "/account/tokens/", "/account/password/",
    ],
)  # fmt: skip
def test_all_that_destroys_or_concerns_people_asks(
    stale: Client, sealed: Seal, machine: Machine, people: People, address: str
) -> None:
    sealed("a")
    activate(sealed("b"))
    where = address.format(people.viewer.pk)
    fields = {"name": "new", "role": "operator", "days": "7", "keep": "1", "layout": "resident", "size": "1G"}
    if "/do/" in where:
        fields["seen"] = stale.get(where, {"keep": "1"}).context["seen"]
    elif "/role/" in where:
        fields["seen"] = "viewer"
    answer = stale.post(where, fields)
    assert answer.status_code == 403
    assert "Is it you, admin?" in answer.content.decode()
    assert not Operation.objects.exists()
    assert list(User.objects.order_by("username").values_list("username", flat=True)) == ["admin", "operator", "viewer"]


@pytest.fixture
def torn(elsewhere: Machine, people: People) -> Machine:
    """A machine of layout in-place with versions “a” and “b”, of which “a” was active and “b” is."""
    from tests.kernels.conftest import add_version

    for name in "ab":
        add_version(elsewhere, name, [], active=True)
    listed = [{"name": name, "sealed": True, "bytes": 1, "unique_bytes": 1} for name in "ab"]
    elsewhere.observed = {"active": "b", "backing": "b", "resident": [], "versions": listed}
    elsewhere.layout = "in-place"
    elsewhere.save()
    return elsewhere


Switch = tuple[str, dict[str, str]]
SWITCHES: list[Switch] = [
    ("/machines/gp12/revert/", {"version": "a", "seen": "b"}),
    ("/machines/gp12/deploy/a/", {"seen": "b"}),
    ("/machines/gp12/incident/", {"version": "a", "seen": "b", "reason": "plots are empty"}),
]


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_tears_the_tree_asks_operators_too(
    as_operator: Client, torn: Machine, known: User, switch: Switch, operation: Callable[..., Operation]
) -> None:
    as_operator.force_login(known)
    forget(as_operator)
    address, fields = switch
    answer = as_operator.post(address, fields)
    assert "Is it you, operator?" in answer.content.decode()
    assert not Operation.objects.exists()
    again = as_operator.post(address, {**Form(answer.content.decode(), "prove").fields, "proof_password": PASSWORD})
    assert again.headers["Location"] == f"/operations/{Operation.objects.get().pk}/"


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_is_one_rename_does_not(as_operator: Client, torn: Machine, switch: Switch) -> None:
    Machine.objects.update(layout="resident")
    forget(as_operator)
    assert as_operator.post(*switch).status_code == 302


def test_a_switch_that_is_tried_again_asks_too(
    as_operator: Client, torn: Machine, operation: Callable[..., Operation]
) -> None:
    made = operation("failed", "deploy", machine=torn, parameters={"version": "a"})
    forget(as_operator)
    assert as_operator.post(f"/operations/{made.pk}/retry", {"seen": "b"}).status_code == 403
    assert Operation.objects.count() == 1


def test_a_role_that_does_not_allow_it_is_not_asked_who_is_there(as_operator: Client, sealed: Seal) -> None:
    sealed("a")
    forget(as_operator)
    assert "Your role does not allow this" in as_operator.post(REMOVE).content.decode()
