"""All machines beside each other: which disagree with what was asked of them, or with most others."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.test import Client

from stacks import operations, rollouts
from stacks.models import Machine, Version
from tests.kernels.conftest import add_version
from tests.rollouts.fleet import add_machine, end, of

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = "f" * 64


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


@pytest.fixture
def fleet() -> list[Machine]:
    """Three machines on a, each with a and b, and one on which nothing was ever active."""
    return [*(add_machine(name) for name in ("gp01", "gp02", "gp03")), add_machine("gp04", "b", active="")]


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    capsys.readouterr()
    call_command("compare", "--json")
    told = json.loads(capsys.readouterr().out)["machines"]  # the command makes a machine of this host
    return {one["machine"]: one["disagrees"] for one in told if one["machine"] != "local"}


def test_those_that_disagree_are_first_with_what_they_lack(as_viewer: Client, fleet: list[Machine]) -> None:
    page = as_viewer.get("/compare/").content.decode()
    assert "1 of 4 disagree" in page
    assert page.index("gp04") < page.index("gp01")
    assert "a is active on most, and is not here." in page
    assert "nothing is active" in page


def test_what_was_asked_for_last_and_is_not_active(fleet: list[Machine], capsys: pytest.CaptureFixture[str]) -> None:
    asked = rollouts.deploy(machines=fleet[:1], version="b", pace=rollouts.Pace(1), requested_by=None)
    deploy = of("gp01").pk
    assert said(capsys)["gp01"] == []  # it may still come
    end(of("gp01"), "failed", "broken")
    assert said(capsys)["gp01"] == [f"b was asked for, but deploy #{deploy} ended as failed: a is active."]
    call_command("compare", "--json")
    [row, *_] = json.loads(capsys.readouterr().out)["machines"]
    assert row["asked"] == {
        "version": "b", "operation": deploy, "kind": "deploy", "state": "failed", "rollout": asked.pk,
    }  # fmt: skip


def test_what_became_active_without_being_asked_for(fleet: list[Machine], capsys: pytest.CaptureFixture[str]) -> None:
    operations.deploy(machine=fleet[0], version="b", requested_by=None)
    number = of("gp01").pk
    end(of("gp01"))
    assert said(capsys)["gp01"] == ["a is active on most."]
    seen = {**fleet[0].observed, "active": "a", "backing": "a"}
    Machine.objects.filter(pk=fleet[0].pk).update(observed=seen)
    assert said(capsys)["gp01"] == [f"b was made active by deploy #{number}; a is active since."]


def test_another_build_of_the_same_name(
    as_viewer: Client, fleet: list[Machine], capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"packages": {"anaconda3": {"astropy": "6.1"}}, "kernelspecs": [{"name": "sky", "display_name": "Sky"}]}
    Version.objects.filter(name="a").update(packages={"anaconda3": {"astropy": "7.0"}})
    Version.objects.filter(name="a", machine=fleet[1]).update(manifest_digest=OTHER, **more)
    assert said(capsys) == {
        "gp01": [], "gp02": ["Its a is another build, ffffffff, than on 2 other machines."], "gp03": [],
        "gp04": ["a is active on most, and is not here."],
    }  # fmt: skip
    page = as_viewer.get("/compare/").content.decode()
    assert "1 package in another version than a has, 0 more, 0 fewer" in page
    assert "<code>sky</code> besides" in page


def test_what_is_active_and_not_on_record(fleet: list[Machine], capsys: pytest.CaptureFixture[str]) -> None:
    fleet[2].versions.filter(name="a").update(removed_at=fleet[2].created_at)
    assert said(capsys)["gp03"] == ["a is active, and is no sealed version on record."]


def test_all_agree_and_none_is_there(as_viewer: Client) -> None:
    assert "No machine yet" in as_viewer.get("/compare/").content.decode()
    for name in ("gp01", "gp02"):
        add_machine(name)
    assert "All 2 agree" in as_viewer.get("/compare/").content.decode()


def test_strangers_are_sent_to_sign_in(stranger: Client) -> None:
    assert stranger.get("/compare/").status_code == 302


def test_the_list_of_machines_leads_there(as_viewer: Client, fleet: list[Machine]) -> None:
    assert 'href="/compare/"' in as_viewer.get("/").content.decode()
    add_version(fleet[3], "c", [], active=True)
    assert "gp04" in as_viewer.get("/compare/?page=9").content.decode()
