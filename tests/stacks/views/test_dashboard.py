from __future__ import annotations

import re

from django.test import Client

from stacks.models import Machine
from tests.conftest import People
from tests.stacks.conftest import Seal, activate
from tests.stacks.views.conftest import Make


def test_it_works(as_operator: Client, machine: Machine, sealed: Seal, operation: Make, people: People) -> None:
    for name in ("a", "b"):
        activate(sealed(name))
    operation("running", requested_by=people.viewer, parameters={"version": "c"})
    page = as_operator.get("/").content.decode()
    assert "local" in page
    assert 'Build <span class="name">c</span>' in page
    assert "viewer" in page
    assert "Revert to a…" in page
    assert "The disk says that nothing is active, the record says b." in page


def test_nothing_is_sent_again_while_nothing_changed(as_viewer: Client, machine: Machine, operation: Make) -> None:
    page = as_viewer.get("/").content.decode()
    address = str(re.search(r'hx-get="(/\?seen=\w+)"', page)[1])  # type: ignore[index]
    assert as_viewer.get(address, headers={"HX-Request": "true"}).status_code == 204
    operation("running")
    changed = as_viewer.get(address, headers={"HX-Request": "true"})
    assert changed.status_code == 200
    assert changed.content.startswith(b'<div id="live"')


def test_a_viewer_is_offered_no_change(as_viewer: Client, machine: Machine) -> None:
    assert "Build new version" not in as_viewer.get("/").content.decode()


def test_without_machines_it_says_what_to_do(as_viewer: Client) -> None:
    assert "No machine yet" in as_viewer.get("/").content.decode()


def test_a_stranger_is_sent_to_sign_in(stranger: Client) -> None:
    assert stranger.get("/").headers["Location"] == "/sign-in/?next=/"


def test_only_reading(as_operator: Client) -> None:
    assert as_operator.post("/").status_code == 405
