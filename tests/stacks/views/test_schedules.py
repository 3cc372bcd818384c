"""The pages of schedules: listed, shown, made with a look at the next times, changed, paused, run and deleted."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from access import accounts
from access.sessions import PROVED
from stacks import schedules
from stacks.models import Machine, Operation, RecipeRevision, Schedule
from tests import planned
from tests.conftest import People
from tests.rollouts.fleet import add_machine
from tests.stacks.conftest import recipe

__all__ = ["recipe"]

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {
    "name": "nightly", "kind": "build", "machine": "gp01", "recipe": "starter", "deploy": "on", "repeats": "cron",
    "cron": "30 2 * * 1-5", "time_zone": "Europe/Berlin", "every": "6", "unit": "3600", "grace": "90", "reason": "new",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


@pytest.fixture
def gp01(recipe: RecipeRevision) -> Machine:
    return add_machine("gp01")


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def send(client: Client, address: str = "/schedule-add/", **fields: Any) -> Any:
    return client.post(address, {**FORM, **fields})


def test_empty_lists_say_what_to_do(as_operator: Client, as_viewer: Client) -> None:
    assert "No schedule yet" in page(as_operator, "/schedules/")
    assert "Add a schedule…" in page(as_operator, "/schedules/")
    assert "Add a schedule…" not in page(as_viewer, "/schedules/")


def test_it_is_made_and_leads_to_its_page(as_operator: Client, gp01: Machine) -> None:
    answer = send(as_operator)
    made = Schedule.objects.get()
    assert answer.headers["Location"] == f"/schedules/{made.pk}/"
    assert (made.kind, made.recipe, made.deploy, made.grace) == ("build", "starter", True, 5400)
    assert (str(made.owner), made.reason) == ("operator", "new")
    assert schedules.when(made) == schedules.Cron("30 2 * * 1-5", "Europe/Berlin")
    shown = page(as_operator, f"/schedules/{made.pk}/")
    assert "Build starter and deploy it" in shown
    assert "At 02:30 on Monday through Friday, Europe/Berlin" in shown
    assert "1 h 30 min" in shown
    assert "nightly" in page(as_operator, "/schedules/")
    assert 'value="30 2 * * 1-5"' in page(as_operator, f"/schedules/{made.pk}/edit/")


def test_the_next_five_times_are_shown_and_nothing_is_saved(as_operator: Client, gp01: Machine) -> None:
    assert page(as_operator, "/schedule-add/").count("UTC</li>") == 5  # of what the form proposes
    looked = send(as_operator, do="times", name="")
    assert looked.status_code == 200
    assert looked.content.decode().count("02:30 Europe/Berlin (") == 5
    wrong = send(as_operator, do="times", cron="0 2 * * 9")
    assert (wrong.status_code, "Sunday is 0" in wrong.content.decode()) == (200, True)
    assert not Schedule.objects.exists()


WRONG: tuple[dict[str, str], ...] = (
    {"name": ""}, {"kind": "prune"}, {"machine": "gp09"}, {"recipe": ""}, {"recipe": "none"}, {"cron": "x"},
    {"cron": "0 2 1 * 1"}, {"time_zone": "Mars"}, {"grace": "0"}, {"repeats": "every", "every": "0"},
    {"repeats": "every", "every": ""}, {"repeats": "every", "every": "9999", "unit": "86400"}, {"unit": "7"},
)  # fmt: skip


def test_what_is_wrong_is_told_on_the_form(as_operator: Client, gp01: Machine) -> None:
    for wrong in WRONG:
        answer = send(as_operator, **wrong)
        assert answer.status_code == 422, wrong
        assert "field-error" in answer.content.decode(), wrong
    send(as_operator)
    again = send(as_operator)
    assert (again.status_code, "There is a schedule “nightly” already" in again.content.decode()) == (409, True)
    assert Schedule.objects.count() == 1


def test_it_is_changed_in_the_name_of_who_changes_it(as_operator: Client, as_admin: Client, gp01: Machine) -> None:
    send(as_operator)
    made = Schedule.objects.get()
    add_machine("gp02")
    changed = {"kind": "deploy", "to": ["gp01", "gp02"], "repeats": "every", "every": "2", "unit": "86400"}
    send(as_admin, f"/schedules/{made.pk}/edit/", **changed)
    made = Schedule.objects.get()
    assert (made.kind, made.deploy, str(made.owner)) == ("deploy", False, "admin")
    assert [machine.name for machine in made.to.all()] == ["gp02"]
    assert "Every 2 days" in page(as_admin, f"/schedules/{made.pk}/")
    form = page(as_admin, f"/schedules/{made.pk}/edit/")
    assert 'value="86400" selected' in form
    assert 'id="to-gp02" name="to" value="gp02" checked' in form


def test_pause_resume_run_and_delete(as_operator: Client, gp01: Machine, people: People) -> None:
    made = planned.schedule(gp01, people.operator)
    address = f"/schedules/{made.pk}/"
    assert as_operator.post(f"{address}do", {"do": "pause"}).headers["Location"] == address
    assert "paused" in page(as_operator, address)
    assert as_operator.post(f"{address}do", {"do": "pause"}).status_code == 409
    as_operator.post(f"{address}do", {"do": "resume"})
    made.refresh_from_db()
    assert made.next_at is not None
    ran = as_operator.post(f"{address}do", {"do": "run"})
    operation = Operation.objects.get()
    assert ran.headers["Location"] == f"/operations/{operation.pk}/"
    assert "Schedule “nightly” of operator, run by hand" in page(as_operator, f"/operations/{operation.pk}/")
    assert f"backup #{operation.pk}" in page(as_operator, address)
    again = as_operator.post(f"{address}do", {"do": "run"}, follow=True)
    assert f"Nothing was submitted. Its backup #{operation.pk} (queued) has not ended." in again.content.decode()
    assert as_operator.post(f"{address}do", {"do": "dance"}).status_code == 409
    assert "Delete the schedule nightly?" in page(as_operator, f"{address}delete/")
    assert as_operator.post(f"{address}delete/").headers["Location"] == "/schedules/"
    assert not Schedule.objects.exists()
    assert Operation.objects.exists()


def test_of_whom_nothing_is_done_is_said_before_it_is_due(as_viewer: Client, gp01: Machine, people: People) -> None:
    made = planned.schedule(gp01, people.operator)
    assert "is closed" not in page(as_viewer, f"/schedules/{made.pk}/")
    accounts.close(user=people.operator, by=people.admin)
    shown = page(as_viewer, f"/schedules/{made.pk}/")
    assert "The account operator is closed: nothing is done for it." in shown
    assert 'id="run"' not in shown


def test_each_state_of_a_run_is_told(as_viewer: Client, gp01: Machine, people: People) -> None:
    made = planned.schedule(gp01, people.operator)
    planned.runs(made, skipped="Its build has not ended.", refused="gp01 is busy.", missed="Nothing ran.")
    shown = page(as_viewer, f"/schedules/{made.pk}/")
    for word in ("Skipped", "Refused", "Missed", "gp01 is busy."):
        assert word in shown


def test_activity_tells_of_changes(as_operator: Client, gp01: Machine) -> None:
    send(as_operator)
    assert "The schedule “nightly” was made" in page(as_operator, "/activity/?kind=schedule")


def test_what_tears_a_tree_later_asks_who_is_there(as_operator: Client, gp01: Machine) -> None:
    Machine.objects.update(layout="in-place")
    session = as_operator.session
    session[PROVED] = 0
    session.save()
    assert send(as_operator).status_code == 403
    assert send(as_operator, kind="backup", deploy="").status_code == 302
    assert Schedule.objects.get().kind == "backup"
