"""Deploy and revert: the page that asks once."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from stacks.models import Activation, Machine, Operation, Version
from stacks.views.moment import MOMENT
from tests.conftest import People
from tests.stacks.conftest import Seal, activate
from tests.stacks.views.conftest import Make

DEPLOY, REVERT = "/machines/gp12/deploy/b/", "/machines/gp12/revert/"


@pytest.fixture
def two(elsewhere: Machine, machine: Machine, sealed: Seal, people: People) -> tuple[Version, Version]:
    """Two versions of a machine elsewhere, of which the first was active and then the second is."""
    first, second = sealed("a"), sealed("b")
    Version.objects.update(machine=elsewhere)
    versions = Version.objects.order_by("generation")
    first, second = versions
    Version.objects.filter(pk=first.pk).update(packages={"anaconda3": {"numpy": "1.0"}})
    Version.objects.filter(pk=second.pk).update(packages={"anaconda3": {"numpy": "2.0"}})
    activate(first)
    activate(second)
    Activation.objects.update(activated_by=people.admin)
    see(elsewhere, "b")
    return first, second


def see(machine: Machine, active: str) -> None:
    listed = [{"name": name, "sealed": True, "bytes": 10, "unique_bytes": 1} for name in "ab"]
    machine.observed = {"active": active, "backing": active, "resident": ["a", "b"], "versions": listed}
    machine.save()


def test_the_page_says_what_changes(as_operator: Client, two: tuple[Version, Version]) -> None:
    page = as_operator.get(REVERT).content.decode()
    assert 'Revert gp12 to <span class="name">a?</span>' in page
    assert "numpy" in page
    assert "nothing is copied" in page
    assert 'name="seen" value="b"' in page


def test_the_plan_is_shown_where_the_disk_is_at_hand(as_operator: Client, machine: Machine, sealed: Seal) -> None:
    sealed("b")
    page = as_operator.get("/machines/local/deploy/b/").content.decode()
    assert "What will happen" in page


def test_revert(as_operator: Client, two: tuple[Version, Version]) -> None:
    response = as_operator.post(REVERT, {"version": "a", "seen": "b", "reason": "imports fail"})
    made = Operation.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/operations/{made.pk}/")
    assert (made.kind, made.parameters["version"], made.reason) == ("revert", "a", "imports fail")


def test_a_switch_to_what_is_in_ram_is_waited_for_a_moment(as_operator: Client, two: tuple[Version, Version]) -> None:
    began = time.monotonic()
    assert as_operator.post(REVERT, {"version": "a", "seen": "b"}).status_code == 302
    assert time.monotonic() - began >= MOMENT  # nobody works here


def test_deploy(as_operator: Client, elsewhere: Machine, two: tuple[Version, Version]) -> None:
    see(elsewhere, "a")
    as_operator.post(DEPLOY, {"seen": "a"})
    made = Operation.objects.get()
    assert (made.kind, made.parameters["version"]) == ("deploy", "b")


def test_a_stale_page_is_refused_with_who_and_what(as_operator: Client, two: tuple[Version, Version]) -> None:
    response = as_operator.post(REVERT, {"version": "a", "seen": "a-long-gone"})
    page = response.content.decode()
    assert response.status_code == 409
    assert "b is active now, by admin" in page
    assert "Nothing was changed" in page
    assert not Operation.objects.exists()


def test_a_busy_lane_is_refused_with_who(
    as_operator: Client, elsewhere: Machine, two: tuple[Version, Version], operation: Make
) -> None:
    running = operation("running", "deploy", machine=elsewhere)
    shown = as_operator.get(REVERT).content.decode()
    assert f'id="running-{running.pk}"' in shown
    # What is busy is told before what is old: the page may be old just because of it.
    response = as_operator.post(REVERT, {"version": "a", "seen": "a-long-gone"})
    assert response.status_code == 409
    page = response.content.decode()
    assert f"gp12 is busy: the deploy of a (#{running.pk}, operator) is running" in page
    assert f'id="busy" href="/operations/{running.pk}/">Look at Deploy a<' in page
    assert f'href="{REVERT}">Look again<' in page


def test_a_build_does_not_make_the_page_say_that_it_is_busy(
    as_operator: Client, elsewhere: Machine, two: tuple[Version, Version], operation: Make
) -> None:
    operation("running", "build", machine=elsewhere)
    assert 'id="running-' not in as_operator.get(REVERT).content.decode()


def test_nothing_to_revert_to(as_operator: Client, elsewhere: Machine) -> None:
    response = as_operator.get(REVERT)
    assert response.status_code == 409
    assert "nothing to revert to" in response.content.decode()


def test_the_active_version_is_not_offered_again(as_operator: Client, two: tuple[Version, Version]) -> None:
    assert 'id="confirm"' not in as_operator.get(DEPLOY).content.decode()


def test_missing(as_operator: Client, elsewhere: Machine) -> None:
    assert as_operator.get(DEPLOY).status_code == 404
    assert as_operator.get("/machines/none/revert/").status_code == 404


@pytest.mark.parametrize("address", [DEPLOY, REVERT])
def test_a_viewer_may_not(as_viewer: Client, two: tuple[Version, Version], address: str) -> None:
    assert as_viewer.get(address).status_code == 403
    assert as_viewer.post(address, {"version": "a", "seen": "b"}).status_code == 403
    assert not Operation.objects.exists()


@pytest.mark.parametrize("address", [DEPLOY, REVERT])
def test_a_stranger_is_sent_to_sign_in(stranger: Client, two: tuple[Version, Version], address: str) -> None:
    assert stranger.post(address, {"seen": "b"}).status_code == 302
    assert not Operation.objects.exists()


def test_external_environments_are_kept_unless_asked_otherwise(
    as_operator: Client, elsewhere: Machine, two: tuple[Version, Version]
) -> None:
    assert "External environments" not in as_operator.get(REVERT).content.decode()
    elsewhere.refresh_from_db()
    observed = elsewhere.observed
    observed["versions"] = [version | {"externals": {"antares-kernel": [899, 899]}} for version in observed["versions"]]
    elsewhere.save()
    page = as_operator.get(REVERT).content.decode()
    assert "Keep the current ones" in page
    assert 'value="current" id="id_externals_current" checked' in page
    as_operator.post(REVERT, {"version": "a", "seen": "b", "externals": "sealed"})
    assert Operation.objects.get().parameters == {"version": "a", "externals": "sealed"}


def test_an_override_needs_a_reason(as_operator: Client, elsewhere: Machine, two: tuple[Version, Version]) -> None:
    see(elsewhere, "a")
    answer = as_operator.post(DEPLOY, {"seen": "a", "override_health": "on"})
    assert answer.status_code == 409
    assert "give a reason" in answer.content.decode()
    as_operator.post(DEPLOY, {"seen": "a", "override_health": "on", "pause": "on", "reason": "R is not used today"})
    assert Operation.objects.get().parameters == {"version": "b", "override_health": True, "pause": True}
