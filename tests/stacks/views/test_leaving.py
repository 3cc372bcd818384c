"""Renaming and forgetting a machine: refused while it works; what is on record changes, its disk never."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from access.models import AuditEntry
from stacks import joining, machines, operations, presence
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation, Version, Worker
from stacks.operations import doorbell
from tests.engine.machines import listing
from tests.stacks.conftest import Seal, activate
from tests.stacks.joined import committed, shared
from tests.stacks.views.conftest import Make

__all__ = ["committed", "shared"]


def test_a_machine_gets_another_name(as_admin: Client, elsewhere: Machine, shared: None, admin: User) -> None:
    presence.note(elsewhere, "live")
    made, _ = joining.invite_again(machine=elsewhere, by=admin)
    answer = as_admin.post("/machines/gp12/rename/", {"name": "gp13"})
    assert answer.headers["Location"] == "/machines/gp13/join/"
    elsewhere.refresh_from_db()
    assert elsewhere.name == "gp13"
    # Its token told the old name, and its worker answers to that.
    made.refresh_from_db()
    assert made.withdrawn_at is not None
    assert not presence.heard([elsewhere]).exists()
    waits = Operation(machine=elsewhere, kind="verify", lane="build")
    assert doorbell.queue_of(waits) == "gp13.build"
    entry = AuditEntry.objects.filter(kind="machine").latest("number")
    assert (entry.old, entry.new, entry.who) == ("gp12", "gp13", "admin")
    assert "Let gp13 join again" in as_admin.get("/machines/gp13/join/").content.decode()
    assert as_admin.get("/machines/gp12/").status_code == 404


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("Bad Name", 422, "Lower-case"),
        ("gp12", 422, "already"),
        ("gp14", 422, "already"),
        ("local", 409, "means the host"),
    ],
)
def test_names_that_cannot_be_change_nothing(
    as_admin: Client, elsewhere: Machine, name: str, status: int, says: str
) -> None:
    Machine.objects.create(name="gp14", root="/data0")
    answer = as_admin.post("/machines/gp12/rename/", {"name": name})
    assert (answer.status_code, says in answer.content.decode()) == (status, True)
    elsewhere.refresh_from_db()
    assert elsewhere.name == "gp12"


@pytest.mark.parametrize("state", ["queued", "running"])
@pytest.mark.parametrize(("where", "name"), [("rename", "gp13"), ("forget", "gp12")])
def test_one_that_works_is_left_alone(
    as_admin: Client, elsewhere: Machine, operation: Make, *, where: str, name: str, state: str
) -> None:
    operation(state, machine=elsewhere)
    address = f"/machines/gp12/{where}/"
    shown = as_admin.get(address).content.decode()
    assert "gp12 is busy" in shown
    assert 'id="confirm"' not in shown
    answer = as_admin.post(address, {"name": name})
    assert (answer.status_code, "Nothing was changed" in answer.content.decode()) == (409, True)
    assert Machine.objects.filter(name="gp12").exists()


def test_no_operation_begins_while_it_is_renamed(
    committed: None, elsewhere: Machine, admin: User, no_broker: None
) -> None:
    """Whoever asks for an operation meanwhile waits for the end of the transaction, or is seen by it."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    asked = threading.Event()

    def ask() -> None:
        asked.wait(10)
        operations.verify(machine=elsewhere, version="a", requested_by=None)
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    with transaction.atomic():
        machines.rename(machine=Machine.objects.get(), name="gp13", by=admin)
        asked.set()
        thread.join(1)
        assert not Operation.objects.exists()
    thread.join(10)
    assert Operation.objects.get().machine.name == "gp13"


def test_a_machine_is_forgotten_and_its_disk_is_not(
    as_admin: Client, machine: Machine, sealed: Seal, operation: Make, settings: object
) -> None:
    root = Path(machine.root)
    activate(sealed("a"))
    activate(sealed("b"))
    settings.DLSTACK = settings.DLSTACK.model_copy(update={"machine": "other"})  # type: ignore[attr-defined]
    operation("succeeded", machine=machine)
    Worker.objects.create(machine=machine, lane="live", heard_at=timezone.now())
    before = listing(root, times=True)
    page = as_admin.get("/machines/local/forget/").content.decode()
    assert "2 versions and 1 operation" in page
    assert "Its workers still run" in page
    answer = as_admin.post("/machines/local/forget/", {"name": "local"})
    assert answer.headers["Location"] == "/"
    assert not Machine.objects.exists()
    assert not Version.objects.exists()
    assert not Operation.objects.exists()
    assert listing(root, times=True) == before
    entry = AuditEntry.objects.filter(kind="machine").latest("number")
    assert entry.what.startswith("The machine local was forgotten, with 2 versions and 1 operation on record")


def test_its_name_is_typed(as_admin: Client, elsewhere: Machine) -> None:
    answer = as_admin.post("/machines/gp12/forget/", {"name": "gp13"})
    assert (answer.status_code, "This is not gp12" in answer.content.decode()) == (422, True)
    assert Machine.objects.exists()


def test_the_machine_of_this_home_stays(as_admin: Client, machine: Machine) -> None:
    for page, fields in (("rename", {"name": "gp13"}), ("forget", {"name": "local"})):
        assert "own machine" in as_admin.get(f"/machines/local/{page}/").content.decode()
        assert as_admin.post(f"/machines/local/{page}/", fields).status_code == 409
    assert Machine.objects.get().name == "local"


def test_what_is_gone_meanwhile_is_said(elsewhere: Machine, admin: User) -> None:
    same = Machine.objects.get()
    machines.rename(machine=elsewhere, name="gp13", by=admin)
    with pytest.raises(Refused, match="renamed or forgotten meanwhile"):
        machines.rename(machine=same, name="x", by=admin)
    with pytest.raises(Refused, match="renamed or forgotten meanwhile"):
        machines.forget(machine=same, by=admin)
