"""The API for many machines: copies, rollouts, and how machines compare."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from stacks.models import Machine, Operation, Rollout, Version, Worker
from tests.conftest import People
from tests.rollouts.fleet import add_machine, end, of, queued
from tests.stacks.api.test_api import Program, program

pytestmark = pytest.mark.django_db(transaction=True)
TO = {"gp02": "a", "gp01": "a"}


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


@pytest.fixture
def two() -> list[Machine]:
    return [add_machine(name, address=f"{name}.example.org") for name in ("gp01", "gp02")]


@pytest.fixture
def ci(people: People) -> Program:
    return program(people.operator)


def test_a_rollout_in_the_order_that_is_named(ci: Program, two: list[Machine]) -> None:
    status, told = ci.post("/rollouts/deploy", version="b", to=TO, on_failure="revert", reason="nightly")
    assert (status, told["state"], told["requested_by"], told["canary"]) == (202, "running", "operator", 1)
    assert [(one["machine"], one["state"]) for one in told["machines"]] == [("gp02", "running"), ("gp01", "waiting")]
    assert queued() == [("gp02", "deploy", "b")]
    end(of("gp02"))
    end(of("gp01"))
    assert ci.get(f"/rollouts/{told['id']}")["state"] == "succeeded"
    assert [one["id"] for one in ci.get("/rollouts", limit=1)] == [told["id"]]
    assert {one["asked"]["rollout"] for one in ci.get("/compare")["machines"] if one["asked"]} == {told["id"]}


def test_all_back_at_once(ci: Program, two: list[Machine]) -> None:
    ci.post("/rollouts/deploy", version="b", to=TO, canary=0)
    end(of("gp01"))
    end(of("gp02"))
    assert ci.post("/rollouts/revert", to={"gp01": "b", "gp02": "b"}, mark_bad=True)[0] == 409  # without a reason
    status, told = ci.post("/rollouts/revert", to={"gp01": "b", "gp02": "b"}, mark_bad=True, reason="hangs")
    assert (status, told["kind"]) == (202, "revert")
    assert queued() == [("gp01", "revert", "a"), ("gp02", "revert", "a")]


def test_one_that_stopped_is_resumed_or_ended(ci: Program, two: list[Machine]) -> None:
    _, told = ci.post("/rollouts/deploy", version="b", to=TO)
    end(of("gp02"), "failed", "broken")
    status, again = ci.post(f"/rollouts/{told['id']}/resume")
    assert (status, again["state"]) == (202, "running")
    status, ended = ci.post(f"/rollouts/{told['id']}/cancel")
    assert (status, ended["state"]) == (202, "cancelled")
    assert ci.post(f"/rollouts/{told['id']}/cancel")[0] == 409
    assert ci.post("/rollouts/99/resume")[0] == 404


def test_what_was_decided_on_something_else_is_refused_whole(ci: Program, two: list[Machine]) -> None:
    status, told = ci.post("/rollouts/deploy", version="b", to={"gp01": "a", "gp02": "b"})
    assert status == 409
    assert "a is active now" in told["detail"]
    for wrong in ({}, {"gp01": 1}, ["gp01"]):
        assert ci.post("/rollouts/deploy", version="b", to=wrong)[0] == 422
    assert ci.post("/rollouts/deploy", version="b", to={"gp09": "a"})[0] == 404
    Version.objects.filter(machine=two[0], name="b").update(manifest_digest="f" * 64)
    assert ci.post("/rollouts/deploy", version="b", to=TO)[0] == 409
    assert not Rollout.objects.exists()
    assert ci.post("/rollouts/deploy", version="b", to=TO, any_build=True)[0] == 202


def test_what_tears_the_tree_is_a_persons(ci: Program, two: list[Machine]) -> None:
    _, told = ci.post("/rollouts/deploy", version="b", to=TO)
    end(of("gp02"), "failed", "broken")
    Machine.objects.filter(name="gp01").update(layout="in-place")
    assert ci.post(f"/rollouts/{told['id']}/resume")[0] == 409
    assert ci.post("/rollouts/revert", to=TO)[0] == 409
    assert Rollout.objects.get().state == "stopped"


def test_copies_all_or_none(ci: Program, two: list[Machine]) -> None:
    Worker.objects.create(machine=two[0], lane="build", heard_at=timezone.now() + timedelta(minutes=1))
    targets = [add_machine(name, versions="", active="") for name in ("gp03", "gp04")]
    status, told = ci.post("/copies", version="b", to=["gp03", "gp04"], source="gp01", limit=500)
    assert status == 202
    assert [(one["machine"], one["kind"], one["version"]) for one in told] == [
        ("gp03", "copy", "b"), ("gp04", "copy", "b"),
    ]  # fmt: skip
    assert ci.post("/copies", version="b", to=["gp03"], source="gp09")[0] == 404
    assert ci.post("/copies", version="b", to=[])[0] == 422
    Operation.objects.all().delete()
    assert ci.post("/copies", version="b", to=["gp03", "gp02"], source="gp01")[0] == 409  # gp02 has it
    assert not Operation.objects.filter(machine__in=targets).exists()


def test_a_viewers_token_only_reads(people: People, two: list[Machine]) -> None:
    reader = program(people.operator, "viewer")
    assert reader.get("/rollouts") == []
    assert reader.get("/compare")["usual"]["version"] == "a"
    for path, body in (
        ("/copies", {"version": "b", "to": ["gp01"]}), ("/rollouts/deploy", {"version": "b", "to": TO}),
        ("/rollouts/revert", {"to": TO}), ("/rollouts/1/resume", {}), ("/rollouts/1/cancel", {}),
    ):  # fmt: skip
        assert reader.post(path, **body)[0] == 403, path
    assert not Rollout.objects.exists()
