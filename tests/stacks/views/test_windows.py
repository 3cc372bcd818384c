"""The pages of freeze windows, and what the machines' pages say of one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from stacks.models import FreezeWindow, Machine, Operation
from tests import planned
from tests.rollouts.fleet import add_machine

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {
    "name": "Weekends", "machine": "", "reason": "nobody is there", "repeats": "weekly", "time_zone": "Europe/Berlin",
    "from_day": "4", "from_time": "16:00", "to_day": "0", "to_time": "08:00", "starts_at": "", "ends_at": "",
}  # fmt: skip
ONCE = {"repeats": "once", "starts_at": "2030-07-01T20:00", "ends_at": "2030-07-02T06:00"}
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


@pytest.fixture
def gp01() -> Machine:
    return add_machine("gp01")


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def send(client: Client, address: str = "/window-add/", **fields: Any) -> Any:
    return client.post(address, {**FORM, **fields})


def test_an_empty_list_says_what_to_do(as_operator: Client, as_viewer: Client) -> None:
    assert "No freeze window yet" in page(as_operator, "/windows/")
    assert "Add a freeze window…" in page(as_operator, "/windows/")
    assert "Add a freeze window…" not in page(as_viewer, "/windows/")


def test_a_weekly_one_is_made(as_operator: Client) -> None:
    assert send(as_operator).headers["Location"] == "/windows/"
    made = FreezeWindow.objects.get()
    assert (made.where, str(made.created_by), made.starts_at) == ("all machines", "operator", None)
    shown = page(as_operator, "/windows/")
    assert "every week, Fri 16:00 – Mon 08:00 Europe/Berlin" in shown
    assert "“nobody is there”" in shown
    assert 'value="16:00"' in page(as_operator, f"/windows/{made.pk}/")
    assert "The freeze window “Weekends” was made" in page(as_operator, "/activity/?kind=window")


def test_one_of_one_time_is_by_the_clocks_of_its_zone(as_operator: Client, gp01: Machine) -> None:
    send(as_operator, machine="gp01", **ONCE)
    made = FreezeWindow.objects.get()
    assert (made.machine, made.from_day) == (gp01, None)
    assert made.starts_at == datetime(2030, 7, 1, 18, tzinfo=UTC)
    form = page(as_operator, f"/windows/{made.pk}/")
    assert 'value="2030-07-01T20:00"' in form
    send(as_operator, f"/windows/{made.pk}/", name="Nights", machine="")
    changed = FreezeWindow.objects.get()
    assert (changed.name, changed.machine, changed.starts_at, changed.from_day) == ("Nights", None, None, 4)


def test_the_next_times_are_shown_and_nothing_is_saved(as_operator: Client) -> None:
    assert page(as_operator, "/window-add/").count("<li class=") == 5  # of what the form proposes
    looked = send(as_operator, do="times", name="").content.decode()
    assert looked.count("16:00 Europe/Berlin (") == 5
    assert looked.count("08:00 Europe/Berlin (") == 5
    assert send(as_operator, do="times", **ONCE).content.decode().count("Mon 01 Jul 2030, 20:00") == 1
    assert "never ends" in send(as_operator, do="times", to_day="4", to_time="16:00").content.decode()
    assert not FreezeWindow.objects.exists()


WRONG: tuple[dict[str, str], ...] = (
    {"name": ""}, {"machine": "gp09"}, {"reason": ""}, {"time_zone": "Mars"}, {"from_day": "7"}, {"from_time": "x"},
    {"to_time": ""}, {"to_day": "4", "to_time": "16:00"}, {"repeats": "never"}, {**ONCE, "starts_at": ""},
    {**ONCE, "starts_at": "soon"}, {**ONCE, "ends_at": "2030-07-01T19:00"}, {**ONCE, "ends_at": "9999-99-99T00:00"},
    {**ONCE, "starts_at": "0001-01-01T00:00", "time_zone": "Asia/Tokyo"},
)  # fmt: skip


def test_what_is_wrong_is_told_on_the_form(as_operator: Client) -> None:
    for wrong in WRONG:
        answer = send(as_operator, **wrong)
        assert answer.status_code == 422, wrong
        assert "field-error" in answer.content.decode(), wrong
    assert not FreezeWindow.objects.exists()


def test_an_open_one_refuses_and_is_lifted(as_operator: Client, gp01: Machine) -> None:
    window = planned.window(gp01, begins=-HOUR)
    deploy = {"seen": "a", "reason": "now"}
    assert "gp01 is in the freeze window “Observing”" in page(as_operator, "/machines/gp01/deploy/b/")
    refused = as_operator.post("/machines/gp01/deploy/b/", deploy)
    assert (refused.status_code, "freeze window “Observing”" in refused.content.decode()) == (409, True)
    assert "Lift Observing…" in page(as_operator, "/windows/")
    address = f"/windows/{window.pk}/lift/"
    assert "until" in page(as_operator, address)
    assert as_operator.post(address, {"reason": ""}).status_code == 422
    as_operator.post(address, {"reason": "the dome is shut"})
    assert as_operator.get(address).status_code == 409
    assert "Over" in page(as_operator, "/windows/")
    assert as_operator.post("/machines/gp01/deploy/b/", deploy).status_code == 302
    assert Operation.objects.get().kind == "deploy"


def test_machines_tell_of_windows_that_are_open_or_come(as_viewer: Client, gp01: Machine) -> None:
    other = add_machine("gp02")
    planned.window(gp01, "Readout", begins=-HOUR)
    planned.window(None, "Full moon", begins=20 * HOUR)
    planned.window(other, "Next week", begins=100 * HOUR)
    planned.window(other, "Last week", begins=-100 * HOUR)
    dashboard, mine, others = (page(as_viewer, at) for at in ("/", "/machines/gp01/", "/machines/gp02/"))
    assert dashboard.count("Freeze window “Readout” on gp01 until") == 1
    assert dashboard.count("Freeze window “Full moon” on all machines from") == 1
    assert "Freeze window “Readout” on gp01 until" in mine
    assert "Freeze window “Full moon” on all machines from" in mine
    assert "Readout" not in others
    for shown in (dashboard, mine, others):
        assert "Next week" not in shown
        assert "Last week" not in shown


def test_deleting_asks_once_more(as_operator: Client, gp01: Machine) -> None:
    window = planned.weekend(gp01)
    assert "Delete the freeze window Weekends?" in page(as_operator, f"/windows/{window.pk}/delete/")
    assert FreezeWindow.objects.exists()
    assert as_operator.post(f"/windows/{window.pk}/delete/").headers["Location"] == "/windows/"
    assert not FreezeWindow.objects.exists()
