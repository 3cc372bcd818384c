"""The pages of rollouts: asked for, followed, resumed, cancelled; and all machines back at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from stacks import operations, rollouts
from stacks.models import Machine, Rollout
from tests.rollouts.fleet import active, add_machine, end, of, queued, states

pytestmark = pytest.mark.django_db(transaction=True)

PACE = {"canary": "1", "batch": "0", "pause": "0", "on_failure": "revert", "reason": "for all"}
SEEN = "gp01 b a|gp02 b a"
WRONG: tuple[dict[str, Any], ...] = (
    {"to": []}, {"to": ["gp09"]}, {"canary": "-1"}, {"pause": "x"}, {"on_failure": "y"}, {"batch": ""},
)  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


@pytest.fixture
def two() -> list[Machine]:
    return [add_machine(name) for name in ("gp01", "gp02")]


@pytest.fixture
def both_on_b(two: list[Machine]) -> list[Machine]:
    for machine in two:
        operations.deploy(machine=machine, version="b", requested_by=None)
        end(of(machine.name))
    return two


def ask(client: Client, **fields: Any) -> Any:
    return client.post("/rollout-add/", {"version": "b", "to": ["gp01", "gp02"], **PACE, **fields})


def test_it_begins_and_leads_to_its_page(as_operator: Client, two: list[Machine]) -> None:
    add_machine("gp03", "a")
    form = as_operator.get("/rollout-add/?version=b").content.decode()
    assert "gp03 does not have b: copy it there first." in form
    answer = ask(as_operator, first="gp02")
    rollout = Rollout.objects.get()
    assert answer.headers["Location"] == f"/rollouts/{rollout.pk}/"
    assert queued() == [("gp02", "deploy", "b")]
    assert (rollout.on_failure, rollout.reason, str(rollout.requested_by)) == ("revert", "for all", "operator")
    assert f"deploy #{of('gp02').pk}" in as_operator.get(f"/rollouts/{rollout.pk}/").content.decode()
    assert f"/rollouts/{rollout.pk}/" in as_operator.get("/rollouts/").content.decode()


def test_what_is_wrong_is_told_on_the_form(as_operator: Client, two: list[Machine]) -> None:
    for wrong in WRONG:
        answer = ask(as_operator, **wrong)
        assert answer.status_code == 422, wrong
        assert "Nothing was submitted." in answer.content.decode()
    Machine.objects.filter(name="gp01").update(observed={"active": "a", "versions": []})
    answer = ask(as_operator)
    assert answer.status_code == 409
    assert "“b” is not sealed on gp01" in answer.content.decode()
    assert not Rollout.objects.exists()


def test_its_page_renews_itself(as_viewer: Client, two: list[Machine]) -> None:
    rollout = rollouts.deploy(machines=two, version="b", pace=rollouts.Pace(1), requested_by=None)
    address = f"/rollouts/{rollout.pk}/"
    page = as_viewer.get(address).content.decode()
    part = page.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    assert '<meta http-equiv="refresh"' in page  # where there is no JavaScript
    assert as_viewer.get(part, headers={"HX-Request": "true"}).status_code == 204
    end(of("gp01"))
    renewed = as_viewer.get(part, headers={"HX-Request": "true"})
    assert renewed.status_code == 200
    assert "Succeeded" in renewed.content.decode()
    assert "<form" not in renewed.content.decode()


def test_it_is_resumed_and_cancelled_by_a_button(as_operator: Client, as_viewer: Client, two: list[Machine]) -> None:
    rollout = rollouts.deploy(machines=two, version="b", pace=rollouts.Pace(1), requested_by=None)
    address = f"/rollouts/{rollout.pk}/"
    assert 'id="resume"' not in as_operator.get(address).content.decode()
    end(of("gp01"), "failed", "No.")
    assert 'id="resume"' in as_operator.get(address).content.decode()
    assert 'id="resume"' not in as_viewer.get(address).content.decode()
    assert as_viewer.post(f"{address}resume").status_code == 403
    assert as_operator.post(f"{address}resume").headers["Location"] == address
    assert states(rollout) == "running running waiting"
    assert as_operator.post(f"{address}resume").status_code == 409
    assert as_operator.post(f"{address}cancel").headers["Location"] == address
    assert states(rollout) == "cancelled failed skipped"
    assert as_operator.post(f"{address}cancel").status_code == 409


def test_all_machines_go_back_by_one_click(as_operator: Client, both_on_b: list[Machine]) -> None:
    add_machine("gp03", "x", "x")
    assert 'href="/incident/revert-all/"' in as_operator.get("/incident/").content.decode()
    page = as_operator.get("/incident/revert-all/").content.decode()
    assert page.count("from b back to a") == 2
    assert "gp03: no other version was active and healthy before, x stays." in page
    assert f'value="{SEEN}|gp03 x "' in page
    answer = as_operator.post("/incident/revert-all/", {"to": ["gp01", "gp02"], "seen": SEEN, "reason": "it hangs"})
    rollout = Rollout.objects.get()
    assert answer.headers["Location"] == f"/rollouts/{rollout.pk}/"
    assert queued() == [("gp01", "revert", "a"), ("gp02", "revert", "a")]
    end(of("gp01"))
    end(of("gp02"))
    assert states(rollout) == "succeeded succeeded succeeded"
    assert [active(machine) for machine in both_on_b] == ["a", "a"]
    assert both_on_b[0].versions.get(name="b").bad_reason == "it hangs"


def test_what_changed_since_the_page_was_opened_is_not_reverted(as_operator: Client, both_on_b: list[Machine]) -> None:
    sent = {"to": ["gp01", "gp02"], "seen": SEEN, "reason": "it hangs"}
    operations.revert(machine=both_on_b[1], requested_by=None)
    end(of("gp02"))
    answer = as_operator.post("/incident/revert-all/", sent)
    assert answer.status_code == 409
    assert "look again" in answer.content.decode()
    assert not Rollout.objects.exists()
    assert as_operator.post("/incident/revert-all/", {**sent, "reason": ""}).status_code == 422
    assert (
        as_operator.post("/incident/revert-all/", {**sent, "to": ["gp01"]}).status_code == 302
    )  # that one is as shown


def test_the_rollout_that_is_cancelled_by_it_is_named(as_operator: Client, both_on_b: list[Machine]) -> None:
    for machine in both_on_b:
        operations.revert(machine=machine, requested_by=None)
        end(of(machine.name))
        operations.deploy(machine=machine, version="b", requested_by=None)
        end(of(machine.name))
    forth = rollouts.deploy(machines=both_on_b, version="a", pace=rollouts.Pace(1), requested_by=None)
    page = as_operator.get("/incident/revert-all/").content.decode()
    assert f'<a href="/rollouts/{forth.pk}/">Rollout #{forth.pk}</a> deploys a on machines below' in page
