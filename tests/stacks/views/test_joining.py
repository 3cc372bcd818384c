"""Adding a machine: the form, the command that is shown once, the wait for an answer, and the token's end."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from access import proof, sessions
from access.models import AuditEntry
from stacks import joining, presence
from stacks.models import Joining, Machine, Worker
from tests.conftest import People
from tests.stacks.joined import SECRETS, invite, post, shared

__all__ = ["shared"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shared")]

ADDRESS = "/machine-add/"
GOOD = {"name": "gp13", "root": "/data0", "layout": "resident", "owner": "datalab"}
LIVE = {"HX-Request": "true"}


def typed(page: str) -> str:
    """Give the token in the command that a page shows."""
    [command] = re.findall(r'<code id="command">([^<]+)</code>', page)
    return html.unescape(command).split()[1]


def test_it_works(as_admin: Client) -> None:
    assert "Add a machine" in as_admin.get("/").content.decode()
    assert "/data0" in as_admin.get(ADDRESS).content.decode()
    answer = as_admin.post(ADDRESS, GOOD)
    page = answer.content.decode()
    assert (answer.status_code, "no-store" in answer.headers["Cache-Control"]) == (201, True)
    text = typed(page)
    assert f"echo {text} | sudo .venv/bin/dlstack join http://testserver --start" in html.unescape(page)
    made = Joining.objects.get()
    assert (made.name, made.root, made.owner) == ("gp13", "/data0", "datalab")
    assert f'hx-get="/joinings/{made.pk}/?seen=' in page
    # Once: neither the page of the wait nor the list of those asked for has it.
    for address in (f"/joinings/{made.pk}/", ADDRESS, "/audit/", "/activity/"):
        assert text[13:] not in as_admin.get(address).content.decode()
    assert "waiting for its command" in as_admin.get(ADDRESS).content.decode()
    assert not any(secret in page for secret in SECRETS)


def test_the_page_follows_the_machine_in(as_admin: Client) -> None:
    text = typed(as_admin.post(ADDRESS, GOOD).content.decode())
    address = f"/joinings/{Joining.objects.get().pk}/"
    waiting = as_admin.get(address, headers=LIVE).content.decode()
    assert "works once" in waiting
    assert 'id="withdraw"' in as_admin.get(address).content.decode()
    [seen] = re.findall(r"seen=(\w+)", waiting)
    assert as_admin.get(address, {"seen": seen}, headers=LIVE).status_code == 204
    post(text)
    joined = as_admin.get(address, {"seen": seen}, headers=LIVE).content.decode()
    assert "from 127.0.0.1" in joined
    assert "to-provision" not in joined
    assert 'http-equiv="refresh"' in as_admin.get(address).content.decode()
    machine = Machine.objects.get()
    presence.note(machine, "live")
    answered = as_admin.get(address, {"seen": seen}, headers=LIVE).content.decode()
    assert f'id="to-provision" href="/machines/gp13/do/provision/?layout={machine.layout}"' in answered
    assert 'http-equiv="refresh"' not in as_admin.get(address).content.decode()
    page = as_admin.get("/machines/gp13/").content.decode()
    assert "The machine itself" in page
    assert "bubblewrap" in page


def test_a_machine_that_never_answered_is_shown_as_such(as_admin: Client, as_viewer: Client) -> None:
    text = typed(as_admin.post(ADDRESS, GOOD).content.decode())
    post(text)
    machine = Machine.objects.get()
    assert presence.problems([machine]) == {}  # it has just joined
    late = timezone.now() - presence.SILENT_AFTER - timedelta(seconds=1)
    Machine.objects.update(awaited_since=late)
    Joining.objects.update(used_at=late)
    page = as_viewer.get("/machines/gp13/").content.decode()
    assert "No worker of gp13 has answered" in page
    assert 'href="/machines/gp13/join/"' in page
    assert "journalctl -u dlstack-live" in as_admin.get(f"/joinings/{Joining.objects.get().pk}/").content.decode()
    assert "joined, never answered" in as_admin.get(ADDRESS).content.decode()
    presence.note(machine, "live")
    assert "No worker of gp13 has answered" not in as_viewer.get("/machines/gp13/").content.decode()


def test_one_that_never_joined_can_be_asked_anew(as_admin: Client) -> None:
    first = typed(as_admin.post(ADDRESS, GOOD).content.decode())
    Joining.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    page = as_admin.get(f"/joinings/{Joining.objects.get().pk}/").content.decode()
    assert "is over since" in page
    fields = dict(re.findall(r'type="hidden" name="(name|root|layout|owner)" value="([^"]*)"', page))
    assert fields == GOOD
    second = typed(as_admin.post(ADDRESS, fields).content.decode())
    assert (post(first)[0], post(second)[0]) == (409, 200)


def test_a_token_is_withdrawn(as_admin: Client, admin: User) -> None:
    made, text = invite(admin)
    address = f"/joinings/{made.pk}/withdraw/"
    assert as_admin.post(address).status_code == 302
    assert "was withdrawn" in as_admin.get(f"/joinings/{made.pk}/").content.decode()
    assert post(text)[0] == 409
    assert as_admin.post(address).status_code == 409
    assert "withdrawn" in as_admin.get(ADDRESS).content.decode()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"name": "GP 13"}, "Lower-case letters"),
        ({"name": "gp12"}, "There is a machine “gp12” already"),
        ({"name": "local"}, "means the host of these pages"),
        ({"root": "data0"}, "absolute path"),
        ({"root": "/"}, "absolute path below /"),
        ({"root": "/data0/../.."}, "absolute path below /"),
        ({"root": "/da ta"}, "cannot be named in system files"),
        ({"layout": "sideways"}, "Select a valid choice"),
        ({"owner": "root"}, "never run as root"),
        ({"owner": "0:0"}, "never run as root"),
        ({"owner": "a b"}, "Give a user name"),
    ],
)
def test_errors_make_no_token(as_admin: Client, elsewhere: Machine, changed: dict[str, str], says: str) -> None:
    answer = as_admin.post(ADDRESS, {**GOOD, **changed})
    assert (answer.status_code, says in html.unescape(answer.content.decode())) == (422, True)
    assert not Joining.objects.exists()


def test_whoever_was_long_away_proves_who_is_there(as_admin: Client, elsewhere: Machine) -> None:
    session = as_admin.session
    session[sessions.PROVED] -= proof.LASTS + 300
    session.save()
    for address, fields in (
        (ADDRESS, GOOD),
        ("/machines/gp12/join/", {}),
        ("/machines/gp12/forget/", {"name": "gp12"}),
    ):
        answer = as_admin.post(address, fields)
        assert (answer.status_code, "Is it you" in answer.content.decode()) == (403, True)
    assert Machine.objects.exists()
    assert not Joining.objects.exists()


def test_a_machine_that_is_here_joins_again(as_admin: Client, elsewhere: Machine) -> None:
    assert 'href="/machines/gp12/join/"' in as_admin.get("/machines/gp12/settings/").content.decode()
    answer = as_admin.post("/machines/gp12/join/")
    page = html.unescape(answer.content.decode())
    assert (answer.status_code, "--again --start" in page) == (201, True)
    assert post(typed(page))[1]["machine"] == "gp12"


def test_without_a_shared_database_it_is_said_why_not(as_admin: Client, settings: object) -> None:
    told = {"database_url": "", "external_redis_url": ""}
    settings.DLSTACK = settings.DLSTACK.model_copy(update=told)  # type: ignore[attr-defined]
    page = as_admin.get(ADDRESS).content.decode()
    assert "No other machine can join." in page
    assert "SQLite" in page
    assert 'id="invite"' not in page
    assert as_admin.post(ADDRESS, GOOD).status_code == 409


def test_a_machine_that_was_added_otherwise_and_never_answered_is_named(elsewhere: Machine) -> None:
    assert presence.problems([elsewhere]) == {}
    elsewhere.created_at -= presence.SILENT_AFTER + timedelta(seconds=1)
    [problem] = presence.problems([elsewhere])[elsewhere.pk]
    assert (problem["code"], problem["address"]) == ("never-answered", "/machines/gp12/join/")


def test_machines_that_differ_are_told_apart(elsewhere: Machine) -> None:
    presence.note(elsewhere, "live")
    assert presence.problems([elsewhere])[elsewhere.pk] == []
    Worker.objects.update(version="0.0.9+12345678", clock_ahead=-30.0)
    found = {one["code"]: one["message"] for one in presence.problems([elsewhere])[elsewhere.pk]}
    assert set(found) == {"clock", "worker-version"}
    assert "0.0.9+12345678, not " in found["worker-version"]


def test_outsiders(people: People, as_operator: Client, stranger: Client, as_admin: Client, elsewhere: Machine) -> None:
    made, _ = invite(people.admin)
    sent = (ADDRESS, "/machines/gp12/join/", f"/joinings/{made.pk}/withdraw/", "/machines/gp12/rename/",
            "/machines/gp12/forget/")  # fmt: skip
    for address in sent:
        assert as_operator.post(address, GOOD).status_code == 403
        assert stranger.post(address, GOOD).status_code == 302
    assert as_operator.get(f"/joinings/{made.pk}/").status_code == 403
    assert as_admin.get("/joinings/999/").status_code == as_admin.post("/machines/none/join/").status_code == 404
    assert (Joining.objects.count(), Joining.objects.get().is_open, Machine.objects.get().name) == (1, True, "gp12")
    assert joining.over(Joining.objects.get()) == ""
    assert AuditEntry.objects.filter(kind="machine").count() == 1
