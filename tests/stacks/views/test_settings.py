"""A machine's settings."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from stacks.models import Machine, Operation
from tests.stacks.views.conftest import Make

ADDRESS = "/machines/local/settings/"
GOOD = {"backup_every": "6", "strategy": "sandbox", "services": ""}


def test_it_works(as_admin: Client, machine: Machine) -> None:
    assert "every 6 hours" in as_admin.get(ADDRESS).content.decode()
    answer = as_admin.post(ADDRESS, GOOD)
    machine.refresh_from_db()
    assert (answer.status_code, machine.backup_every) == (302, 6)
    assert not Operation.objects.exists()


def test_release_notes_are_public_only_when_asked_for(as_admin: Client, machine: Machine) -> None:
    for asked, public in (({"public_releases": "on"}, True), ({}, False)):
        as_admin.post(ADDRESS, {**GOOD, **asked})
        machine.refresh_from_db()
        assert machine.public_releases is public


def test_services_are_written_by_an_operation(as_admin: Client, machine: Machine) -> None:
    own = {"name": "hub", "status": ["true"], "stop": ["true"], "start": ["true"]}
    as_admin.post(ADDRESS, {**GOOD, "services": f"jupyterhub.service\n{json.dumps(own)}\n"})
    made = Operation.objects.get()
    assert (made.kind, made.lane) == ("configure", "build")
    assert made.parameters == {"services": [{"unit": "jupyterhub.service"}, own]}
    machine.observed = {"services": made.parameters["services"]}
    machine.save()
    page = as_admin.get(ADDRESS).content.decode()
    assert "jupyterhub.service" in page
    assert "&quot;name&quot;: &quot;hub&quot;" in page


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"services": "-x"}, "service 1: “unit”"),
        ({"services": "a b"}, "service 1: “unit”"),
        ({"services": '{"name": "x"}'}, "service 1: “status” must be an argument list"),
        ({"services": "{rubbish"}, "is no JSON object"),
        ({"backup_every": "7"}, "Select a valid choice"),
        ({"strategy": "magic"}, "Select a valid choice"),
    ],
)
def test_errors_change_nothing(as_admin: Client, machine: Machine, changed: dict[str, str], says: str) -> None:
    answer = as_admin.post(ADDRESS, {**GOOD, **changed})
    machine.refresh_from_db()
    assert (answer.status_code, machine.backup_every) == (422, 0)
    assert says in answer.content.decode()
    assert not Operation.objects.exists()


def test_a_refusal_saves_nothing(as_admin: Client, machine: Machine, operation: Make) -> None:
    operation("running")
    answer = as_admin.post(ADDRESS, {**GOOD, "services": "jupyterhub.service"})
    machine.refresh_from_db()
    assert (answer.status_code, machine.backup_every) == (409, 0)
    assert "nothing was changed" in answer.content.decode()


def test_outsiders(as_viewer: Client, stranger: Client, as_admin: Client, machine: Machine) -> None:
    assert as_viewer.get(ADDRESS).status_code == as_viewer.post(ADDRESS, GOOD).status_code == 403
    assert stranger.post(ADDRESS, GOOD).status_code == 302
    assert as_admin.get("/machines/none/settings/").status_code == 404
    assert as_admin.delete(ADDRESS).status_code == 405
    machine.refresh_from_db()
    assert machine.backup_every == 0
