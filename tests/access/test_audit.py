"""The audit trail: what is in it, that it cannot be changed, and that a change would be found."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from sesame.utils import get_token

from access import accounts, audit, strangers
from access.models import AuditEntry
from stacks import marks, operations, recipes, running
from stacks.models import Machine, Operation, RecipeRevision
from tests.access.conftest import PASSWORD, Trail
from tests.conftest import REPOSITORY, Home, People
from tests.stacks import tiny
from tests.stacks.conftest import Seal, activate
from tests.stacks.test_requests import make_active

pytestmark = pytest.mark.django_db


def told(entry: AuditEntry) -> tuple[str, str, str]:
    return entry.kind, entry.who, entry.what


@pytest.mark.parametrize("statement", ["UPDATE access_auditentry SET what = 'x'", "DELETE FROM access_auditentry"])
def test_the_database_itself_refuses_a_change(trail: Trail, statement: str) -> None:
    audit.record("event", "something")
    with pytest.raises(DatabaseError, match="The audit trail is never changed"), transaction.atomic():
        connection.cursor().execute(statement)
    assert [entry.what for entry in trail()] == ["something"]


def test_neither_can_the_application(trail: Trail) -> None:
    entry = audit.record("event", "something")
    entry.what = "another thing"
    with pytest.raises(TypeError, match="never edited"):
        entry.save()
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).update(what="another thing")
    with pytest.raises(DatabaseError), transaction.atomic():
        entry.delete()


@pytest.fixture
def unguarded() -> None:
    """The trail without its triggers, as somebody who owns the database could make it."""
    cursor = connection.cursor()
    if connection.vendor == "postgresql":
        cursor.execute("ALTER TABLE access_auditentry DISABLE TRIGGER USER")
    else:
        for verb in ("update", "delete"):
            cursor.execute(f"DROP TRIGGER audit_no_{verb}")


def write(count: int) -> list[AuditEntry]:
    return [audit.record("event", f"number {number}", old="a", new="b") for number in range(count)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE access_auditentry SET what = 'nothing' WHERE number = {}", "Entry {} is not what was written"),
        ("UPDATE access_auditentry SET who = 'bob' WHERE number = {}", "Entry {} is not what was written"),
        (
            "UPDATE access_auditentry SET at = '2020-01-01 00:00:00' WHERE number = {}",
            "Entry {} is not what was written",
        ),
        ("DELETE FROM access_auditentry WHERE number = {}", "Entry {} is missing: the next one is {next}"),
        ("UPDATE access_auditentry SET previous = 'x' WHERE number = {}", "Entry {} does not follow the one before"),
    ],
)
def test_a_change_is_found(unguarded: None, change: str, says: str) -> None:
    entries = write(5)
    assert audit.verify().wrong == ""
    number = entries[2].number
    connection.cursor().execute(change.format(number))
    assert audit.verify().wrong.startswith(says.format(number, next=number + 1))


def test_a_cut_end_and_a_trail_written_anew_are_found_by_what_was_kept_elsewhere(unguarded: None) -> None:
    write(5)
    kept = audit.verify()
    assert audit.verify(number=kept.entries, digest=kept.head).wrong == ""
    connection.cursor().execute("DELETE FROM access_auditentry WHERE number > %s", [kept.entries - 2])
    assert audit.verify().wrong == ""
    assert "is not there: the trail was cut off" in audit.verify(number=kept.entries, digest=kept.head).wrong
    write(2)
    assert "written anew" in audit.verify(number=kept.entries, digest=kept.head).wrong


def test_any_text_can_be_written_and_is_verified(trail: Trail) -> None:
    for text in ("\0", "\ud800", "\u202eevil", "é" * 5000, "a\nb"):
        audit.record("event", text, old=text, new=text)
    assert audit.verify().wrong == ""
    assert [json.loads(audit.as_line(entry))["what"] for entry in trail()][-1] == "a\nb"
    assert all("\n" not in audit.as_line(entry) for entry in trail())


def test_what_is_taken_back_is_not_told(trail: Trail) -> None:
    with transaction.atomic():
        audit.record("event", "something")
        transaction.set_rollback(True)
    assert trail() == []


def test_signing_in_and_out(known: User, trail: Trail) -> None:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.post("/sign-in/", {"username": "operator", "password": "wrong"})
    client.post("/sign-in/", {"username": "nosuch", "password": "wrong"})
    client.post("/sign-in/", {"username": "operator", "password": PASSWORD})
    client.post("/sign-out/")
    known.refresh_from_db()
    token = get_token(known)
    client.get("/sign-in/link/", {"sesame": token})
    client.get("/sign-in/link/", {"sesame": token})
    assert [told(entry) for entry in trail()] == [
        ("sign-in-failed", "nobody", "A wrong password for operator."),
        ("sign-in-failed", "nobody", "A wrong password for a name that is no account."),
        ("sign-in", "operator", "operator signed in by the password."),
        ("sign-out", "operator", "operator signed out."),
        ("sign-in", "operator", "operator signed in by a one-time link."),
        ("sign-in-failed", "nobody", "A one-time link that does not work was opened."),
    ]
    assert {(entry.channel, entry.address) for entry in trail()} == {("page", "192.0.2.7")}
    assert token not in str([vars(entry) for entry in trail()])


def test_an_operation_from_click_to_end_with_old_and_new(
    people: People, sealed: Seal, machine: Machine, trail: Trail, no_broker: None
) -> None:
    activate(sealed("a"))
    make_active(machine, "a")
    sealed("b")
    before = len(trail())
    made = operations.submit(
        machine=machine, kind="deploy", parameters={"version": "b", "work": ["one"]}, requested_by=people.operator,
        reason="monthly",
    )  # fmt: skip
    running.run(made.pk, plan_for=tiny.plan_for)
    begun, ended = trail()[before:][:2]
    assert told(begun) == ("operation", "operator", "deploy b on local was asked for: monthly")
    assert told(ended)[:2] == ("operation", "operator")
    assert ended.what.startswith("deploy b on local succeeded: ")
    assert (ended.old, ended.new, ended.machine) == ("a", "b", "local")
    assert {begun.operation, ended.operation} == {made.pk}


def test_who_cancels(as_operator: Client, operation: Callable[..., Operation], trail: Trail) -> None:
    made = operation("running")
    as_operator.post(f"/operations/{made.pk}/cancel")
    last = trail()[-1]
    assert told(last) == ("cancel", "operator", "build a on local was to end")
    assert last.operation == made.pk


def test_people(people: People, trail: Trail) -> None:
    carol = accounts.add(name="carol", role="viewer", by=people.admin)
    accounts.give(user=carol, role="operator", by=people.admin)
    accounts.close(user=carol, by=people.admin)
    accounts.reopen(user=carol, by=people.admin)
    link = accounts.link(user=carol, address="https://x", by=people.admin)
    found = [(entry.what, entry.old, entry.new) for entry in trail()]
    assert found == [
        ("The account carol was added as viewer.", "", "viewer"),
        ("carol is operator now.", "viewer", "operator"),
        ("The account carol was closed.", "open", "closed"),
        ("The account carol was opened again.", "closed", "open"),
        ("A one-time link for carol was made.", "", ""),
    ]
    assert link.rpartition("=")[2] not in str(found)


def test_events_recipes_labels_and_settings(
    as_admin: Client, people: People, sealed: Seal, recipe: RecipeRevision, trail: Trail
) -> None:
    machine = sealed("a").machine
    before = len(trail())
    marks.freeze(machine=machine, by=people.admin, reason="release")
    recipes.add_revision(text=recipe.text + "# more\n", note="more", created_by=people.admin)
    as_admin.post("/machines/local/versions/a/label/", {"pinned": "on", "note": "keep"})
    as_admin.post("/machines/local/settings/", {"backup_every": "6", "strategy": "sandbox", "services": ""})
    found = [(*told(entry)[::2], entry.old, entry.new) for entry in trail()[before:]]
    assert found == [
        ("event", "Deploys are frozen: release", "", ""),
        ("recipe", "Recipe starter r2 was added: more", "starter r1", "starter r2"),
        ("label", "“a” on local was labelled.", "not pinned, “”", "pinned, “keep”"),
        ("settings", "Settings of local were changed.", "backup_every=0", "backup_every=6"),
    ]


@pytest.mark.parametrize("who", ["stranger", "as_viewer"])
def test_what_was_refused(request: pytest.FixtureRequest, machine: Machine, trail: Trail, who: str) -> None:
    client: Client = request.getfixturevalue(who)
    before = len(trail())
    client.post("/machines/local/build/")
    client.get("/machines/local/build/")  # which would have changed nothing
    [entry] = trail()[before:]
    status = 302 if who == "stranger" else 403
    name = "nobody" if who == "stranger" else "viewer"
    assert told(entry) == ("refused", name, f"POST /machines/local/build/ was refused ({status}).")


def test_a_missing_token_of_the_form_is_on_it_too(people: People, machine: Machine, trail: Trail) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.operator)
    client.post("/machines/local/build/")
    assert trail()[-1].what == "POST /machines/local/build/ was refused (403)."


def test_a_flood_fills_nothing_and_is_told(people: People, trail: Trail) -> None:
    began = time.monotonic()
    for _ in range(strangers.PER_MINUTE + 50):
        Client().post("/machines/local/build/")
    more = 5 + strangers.PER_MINUTE * (time.monotonic() - began) / 60  # it fills up again while they ask
    assert strangers.PER_MINUTE <= len(trail()) <= min(strangers.PER_MINUTE + more, strangers.PER_MINUTE + 45)
    strangers.allowance.refill()
    strangers.allowance._dropped = 45
    Client().post("/machines/local/build/")
    assert trail()[-1].what.endswith("(45 more like it were left out.)")


def test_the_command_line_is_told_by_who_typed(trail: Trail) -> None:
    entry = audit.record("event", "something")
    assert (entry.channel, entry.who) == ("command line", os.environ.get("USER") or "root")


def test_its_changes_are_among_the_activity(as_viewer: Client, people: People) -> None:
    accounts.add(name="carol", role="viewer", by=people.admin)
    page = as_viewer.get("/activity/", {"kind": "person"}).content.decode()
    assert "The account carol was added as viewer." in page
    assert "by admin" in page
    assert "carol" in as_viewer.get("/activity/", {"who": "adm", "text": "carol"}).content.decode()
    assert "carol was added" not in as_viewer.get("/activity/", {"who": "viewer"}).content.decode()
    assert "signed in" not in as_viewer.get("/activity/").content.decode()


def test_the_page_is_an_admins_and_narrows(as_admin: Client, as_operator: Client) -> None:
    audit.record("event", "a needle <b>", operation=7)
    assert as_operator.get(reverse("access:trail")).status_code == 403
    page = as_admin.get("/audit/", {"text": "needle", "kind": "event"}).content.decode()
    assert "a needle &lt;b&gt;" in page
    assert "/operations/7/" in page
    assert "Nothing fits this filter" in as_admin.get("/audit/", {"text": "no entry says this"}).content.decode()
    assert "needle" not in as_admin.get("/audit/", {"before": "1"}).content.decode()
    assert as_admin.get("/audit/", {"before": "x", "kind": "nosuch"}).status_code == 200


def test_pages_of_it_follow_one_another(as_admin: Client) -> None:
    entries = write(120)
    page = as_admin.get("/audit/").content.decode()
    assert f"before={entries[-100].number}" in page
    older = as_admin.get("/audit/", {"before": str(entries[-100].number)}).content.decode()
    assert "number 19" in older
    assert "number 20" not in older


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    """A syslog's socket."""
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(tmp_path / "log"))
    receiver.settimeout(20)
    yield receiver
    receiver.close()


def test_verbs_and_syslog(home: Home, journal: socket.socket, tmp_path: Path) -> None:
    variables = {**home.variables, "DLSTACK_SYSLOG": str(tmp_path / "log")}

    def dlstack(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(REPOSITORY / "manage.py"), *arguments]
        return subprocess.run(command, env=variables, capture_output=True, text=True)

    assert dlstack("user-add", "carol", "--role", "operator").returncode == 0
    heard = [journal.recv(65536).decode() for _ in range(5)]
    lines = [json.loads(line) for line in dlstack("audit", "--jsonl").stdout.splitlines()]
    assert [json.loads(line.partition("dlstack-audit: ")[2].rstrip("\0")) for line in heard] == lines[:5]
    assert lines[-1]["what"] == "A one-time link for carol was made."
    verified = dlstack("audit", "--verify")
    assert verified.stdout.startswith("5 entries, unbroken. Keep this elsewhere: 5:")
    known = verified.stdout.split(": ")[1].strip()
    assert dlstack("audit", "--verify", "--known", known).returncode == 0
    assert "written anew" in dlstack("audit", "--verify", "--known", f"5:{'0' * 64}").stderr
    assert dlstack("audit", "--verify", "--known", f"5:{'0' * 64}").returncode == 1
    assert dlstack("audit", "--verify", "--known", "5").returncode == 2
    assert "carol was added as operator" in dlstack("audit").stdout
