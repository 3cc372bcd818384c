"""What is asked once, with its plan, and then submitted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.test import Client

from stacks.engine import inplace, ramdisk
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation, Version
from tests.conftest import People
from tests.stacks.conftest import Seal, activate
from tests.stacks.test_requests import make_active
from tests.stacks.views.conftest import Make

BACKUP, DISCARD, PRUNE = (f"/machines/local/do/{action}/" for action in ("backup", "discard", "prune"))
VERIFY, REMOVE, REBUILD = (f"/machines/local/versions/a/do/{action}/" for action in ("verify", "remove", "rebuild"))


@pytest.fixture
def layout_of(machine: Machine, sealed: Seal, people: People) -> Layout:
    """A machine with versions a to d, of which d is active and c was before."""
    for name in "abcd":
        row = sealed(name)
        if name in "cd":
            make_active(machine, name)
            activate(row)
    layout = Layout(Path(machine.root))
    (layout.resident("d") / "bin").mkdir()
    shutil.copy2(layout.version("d") / "bin/python", layout.resident("d") / "bin/python")
    return layout


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (BACKUP, "Keep what changed on local?"),
        (DISCARD, "Discard what changed on local?"),
        (PRUNE, "Deletes “a”, which frees"),
        (VERIFY, "Compares “a” with its manifest"),
        (REMOVE, "Delete a?"),
    ],
)
def test_the_page_asks_and_shows_the_plan(as_admin: Client, layout_of: Layout, address: str, says: str) -> None:
    page = as_admin.get(address).content.decode()
    assert says in page
    assert "What will happen" in page
    assert 'id="confirm"' in page


def test_each_is_submitted(as_admin: Client, layout_of: Layout, people: People) -> None:
    asked = [(BACKUP, {"full": "on"}), (DISCARD, {}), (PRUNE, {"keep": "1"}), (VERIFY, {"full": "on"}), (REMOVE, {})]
    for address, fields in asked:
        seen = as_admin.get(address, fields).context["seen"]
        answer = as_admin.post(address, {**fields, "reason": "why", "seen": seen})
        made = Operation.objects.latest("pk")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/operations/{made.pk}/")
        assert (made.requested_by, made.reason) == (people.admin, "why")
        Operation.objects.filter(pk=made.pk).update(state="cancelled", finished_at=made.created_at)
    kinds = {made.kind: made.parameters for made in Operation.objects.all()}
    assert kinds == {
        "backup": {"full": True},
        "discard": {},
        "prune": {"keep": 1, "pinned": [], "reverts_to": "c"},
        "verify": {"version": "a", "full": True},
        "remove": {"version": "a", "pinned": [], "reverts_to": "c"},
    }


@pytest.mark.parametrize("address", [DISCARD, PRUNE, REMOVE])
def test_a_stale_page_destroys_nothing(as_admin: Client, layout_of: Layout, address: str) -> None:
    answer = as_admin.post(address, {"keep": "2", "seen": "as it was before"})
    assert answer.status_code == 409
    assert "has changed since the page was opened" in answer.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_busy_lane_is_told_once_with_the_way_to_it(
    as_admin: Client, layout_of: Layout, operation: Make, method: str
) -> None:
    running = operation("running")
    answer = getattr(as_admin, method)(PRUNE, {"keep": "1", "seen": "a"})
    page = answer.content.decode()
    assert answer.status_code == (409 if method == "post" else 200)
    assert page.count("local is busy") == page.count('role="alert"') == 1
    assert f'<a href="/operations/{running.pk}/">Look at Build a</a>' in page
    assert Operation.objects.count() == 1


def test_what_a_revert_would_put_back_cannot_be_deleted(as_admin: Client, layout_of: Layout) -> None:
    page = as_admin.get("/machines/local/versions/c/do/remove/").content.decode()
    assert "“c” is what a revert would put back" in page
    assert 'id="confirm"' not in page
    assert "do/remove/" not in as_admin.get("/machines/local/versions/c/").content.decode()


def test_the_plan_follows_what_was_chosen(as_admin: Client, layout_of: Layout) -> None:
    assert "Deletes “b”, “a”" in as_admin.get(PRUNE, {"keep": "1"}).content.decode()
    Version.objects.filter(name="a").update(pinned=True)
    assert "There is nothing to prune" in as_admin.get(PRUNE).content.decode()


def test_what_cannot_be_done_is_said_and_refused(as_admin: Client, layout_of: Layout) -> None:
    shutil.rmtree(ramdisk.private_directory(layout_of))
    assert "is not a mounted tmpfs" in as_admin.get(BACKUP).content.decode()
    answer = as_admin.post(BACKUP)
    assert answer.status_code == 409
    assert "is not a mounted tmpfs" in answer.content.decode()
    assert (
        "“d” is behind the backing link: it cannot be removed"
        in as_admin.post("/machines/local/versions/d/do/remove/").content.decode()
    )
    assert not Operation.objects.exists()


def test_a_restore_is_offered_after_a_reboot_and_submitted(as_admin: Client, layout_of: Layout) -> None:
    address = "/machines/local/do/restore/"
    assert address not in as_admin.get("/machines/local/").content.decode()
    shutil.rmtree(ramdisk.private_directory(layout_of))
    assert address in as_admin.get("/machines/local/").content.decode()
    as_admin.post(address)
    assert Operation.objects.get().kind == "restore"


def test_adopt_and_convert_are_offered_where_they_fit(as_admin: Client, layout_of: Layout, machine: Machine) -> None:
    page = as_admin.get("/machines/local/").content.decode()
    assert "do/adopt/" not in page
    assert "do/convert/" not in page
    (layout_of.root / "sw.byhand").mkdir()
    inplace.set_layout(layout_of, in_place=True)
    Machine.objects.update(layout="in-place")
    page = as_admin.get("/machines/local/").content.decode()
    assert "do/adopt/" in page
    assert "do/convert/" in page
    as_admin.post("/machines/local/do/adopt/", {"seen": "d"})
    assert Operation.objects.get().kind == "adopt"


def test_a_bad_number_is_a_form_error(as_admin: Client, layout_of: Layout) -> None:
    for keep in ("0", "x", ""):
        answer = as_admin.post(PRUNE, {"keep": keep})
        assert answer.status_code == 422
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    "address",
    ["/machines/none/do/backup/", "/machines/local/do/nosuch/", VERIFY.replace("/a/", "/z/"), REMOVE + "../nosuch/"],
)
def test_missing(as_admin: Client, layout_of: Layout, address: str) -> None:
    assert as_admin.get(address).status_code == 404


@pytest.mark.parametrize("address", [BACKUP, DISCARD, PRUNE, VERIFY, REMOVE, REBUILD])
def test_a_viewer_may_not(as_viewer: Client, layout_of: Layout, address: str) -> None:
    assert as_viewer.get(address).status_code == as_viewer.post(address).status_code == 403
    assert not Operation.objects.exists()


@pytest.mark.parametrize("address", [BACKUP, REMOVE])
def test_a_stranger_is_sent_to_sign_in(stranger: Client, layout_of: Layout, address: str) -> None:
    assert stranger.post(address).headers["Location"].startswith("/sign-in/")
    assert not Operation.objects.exists()


def test_wrong_method(as_admin: Client, layout_of: Layout) -> None:
    assert as_admin.delete(BACKUP).status_code == 405
