"""The API: what it tells, what it takes orders for, and what it refuses."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from access import accounts, tokens
from access.models import AuditEntry, Token
from stacks import logs
from stacks.engine.events import Event
from stacks.models import Machine, Operation, RecipeRevision
from tests.conftest import People
from tests.kernels.conftest import add_version
from tests.stacks.views.conftest import Make, operation, stranger

__all__ = ["operation", "stranger"]
V1 = "/api/v1"


class Program:
    """A program that has a token."""

    def __init__(self, text: str, **headers: str) -> None:
        self.text = text
        self.client = Client(headers={"Authorization": f"Bearer {text}", **headers}, REMOTE_ADDR="192.0.2.7")

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(f"{V1}{path}", query)
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content)

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        answer = self.client.post(f"{V1}{path}", json.dumps(body), content_type="application/json")
        return answer.status_code, json.loads(answer.content)


def program(user: Any, role: str = "operator") -> Program:
    return Program(tokens.issue(user=user, name="ci", role=role, days=7, by=user)[1])


@pytest.fixture
def ci(people: People) -> Program:
    return program(people.operator)


@pytest.fixture
def gp12(elsewhere: Machine) -> Machine:
    """A machine with “a” and “b”, of which “a” was active and “b” is."""
    for name in "ab":
        add_version(elsewhere, name, [], active=True)
    listed = [{"name": name, "sealed": True, "bytes": 1, "unique_bytes": 1} for name in "ab"]
    elsewhere.observed = {"active": "b", "backing": "b", "resident": ["a", "b"], "versions": listed}
    elsewhere.save()
    return elsewhere


def test_what_it_tells(ci: Program, gp12: Machine, operation: Make) -> None:
    made = operation("failed", machine=gp12, message="No room.")
    operation("succeeded", "deploy", machine=gp12)
    assert ci.get("/machines") == ["gp12", "local"]
    assert ci.get("/machines/gp12/status")["active"] == "b"
    assert [(one["name"], one["active"]) for one in ci.get("/machines/gp12/versions")] == [("b", True), ("a", False)]
    assert [one["kind"] for one in ci.get("/operations", machine="gp12")] == ["deploy", "build"]
    assert [one["id"] for one in ci.get("/operations", state="failed", limit=1)] == [made.pk]
    assert ci.get("/operations", before=made.pk) == []
    assert ci.get(f"/operations/{made.pk}")["message"] == "No room."


def test_a_log_in_pieces(ci: Program, operation: Make) -> None:
    made = operation("running")
    writer = logs.LogWriter(made.pk)
    for number in range(5):
        writer.sink(Event("output", f"line {number}", "step"))
    writer.close("running")
    told = ci.get(f"/operations/{made.pk}/log", first=2, count=2)
    assert (told["state"], told["last"]) == ("running", 5)
    assert [(line["n"], line["text"]) for line in told["lines"]] == [(2, "line 1"), (3, "line 2")]


def test_a_build(ci: Program, gp12: Machine, recipe: RecipeRevision, people: People) -> None:
    status, told = ci.post("/machines/gp12/build", recipe="starter", name="c", reason="nightly")
    made = Operation.objects.get()
    assert (status, told["id"], told["requested_by"]) == (202, made.pk, "operator")
    assert (made.kind, made.parameters["version"], made.reason) == ("build", "c", "nightly")
    last = AuditEntry.objects.filter(operation=made.pk).get()
    prefix = Token.objects.get().prefix
    assert (last.who, last.channel, last.address) == (f"operator (token ci, dls_{prefix}…)", "api", "192.0.2.7")
    assert last.account == people.operator.pk


def test_deploy_revert_and_cancel(ci: Program, gp12: Machine) -> None:
    status, told = ci.post("/machines/gp12/deploy", version="a", seen="b", externals="sealed")
    assert (status, told["kind"], told["version"]) == (202, "deploy", "a")
    status, busy = ci.post("/machines/gp12/revert", seen="b")
    assert status == 409
    assert f"gp12 is busy: the deploy of a (#{told['id']}, operator) is waiting" in busy["detail"]
    status, ended = ci.post(f"/operations/{told['id']}/cancel")
    assert (status, ended["state"]) == (202, "cancelled")
    status, told = ci.post("/machines/gp12/revert", seen="b")
    assert (status, told["kind"], told["version"]) == (202, "revert", "a")


def test_what_was_decided_on_something_else_is_refused(ci: Program, gp12: Machine) -> None:
    status, told = ci.post("/machines/gp12/deploy", version="a", seen="a")
    assert status == 409
    assert "b is active now" in told["detail"]
    assert ci.post("/machines/gp12/deploy", version="a")[0] == 422
    assert not Operation.objects.exists()


def test_what_tears_the_tree_is_a_persons(ci: Program, gp12: Machine) -> None:
    Machine.objects.update(layout="in-place")
    status, told = ci.post("/machines/gp12/deploy", version="a", seen="b")
    assert status == 409
    assert "layout in-place" in told["detail"]
    assert not Operation.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Bearer dls_00000000_x"}])
def test_without_a_token_there_is_nothing_not_even_with_a_session(
    people: People, gp12: Machine, headers: dict[str, str]
) -> None:
    client = Client(headers=headers)
    client.force_login(people.admin)
    for answer in (client.get(f"{V1}/machines"), client.post(f"{V1}/machines/gp12/revert", {}, "application/json")):
        assert (answer.status_code, json.loads(answer.content)) == (401, {"detail": "Unauthorized"})


def test_other_schemes_are_refused_and_never_logged(
    people: People, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEBUG = True
    text = program(people.operator).text
    with caplog.at_level(logging.DEBUG):
        for scheme in ("Token", "Basic", "bearer:"):
            answer = Client(headers={"Authorization": f"{scheme} {text}"}).get(f"{V1}/machines")
            assert answer.status_code == 401
        Client(headers={"Authorization": f"Bearer {text}"}).get(f"{V1}/machines/nosuch/status")
    assert text.split("_", 2)[2] not in caplog.text


def test_a_token_may_what_its_role_and_its_owners_may(people: People, gp12: Machine) -> None:
    weak, strong = program(people.operator, "viewer"), program(people.operator)
    assert weak.get("/machines") == ["gp12"]
    status, told = weak.post("/machines/gp12/revert", seen="b")
    assert (status, told["detail"].partition("; ")[2]) == (
        403, "this needs the role operator, which an admin can give. The token is for the role viewer.",
    )  # fmt: skip
    accounts.give(user=people.operator, role="viewer", by=None)
    status, told = strong.post("/machines/gp12/revert", seen="b")
    assert status == 403
    assert "operator has the role viewer" in told["detail"]
    accounts.close(user=people.operator, by=None)
    assert strong.post("/machines/gp12/revert", seen="b")[0] == 401
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/machines/gp12/build", {"recipe": "\0"}),
        ("/machines/gp12/build", {"recipe": "starter", "nmae": "x"}),
        ("/machines/gp12/build", {"recipe": ["x"]}),
        ("/machines/gp12/build", {"recipe": "starter", "options": ["x" * 65]}),
        ("/machines/gp12/deploy", {"version": "a", "seen": None}),
        ("/machines/gp12/deploy", {"version": "a", "seen": "b", "externals": "others"}),
        ("/machines/gp12/revert", {"seen": "b", "reason": "x" * 501}),
    ],
)
def test_bad_bodies_are_told_with_their_field(ci: Program, gp12: Machine, path: str, body: dict[str, Any]) -> None:
    status, told = ci.post(path, **body)
    assert status == 422
    assert told["detail"][0]["loc"]
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/machines/gp12/build", {"recipe": "nosuch"}),
        ("/machines/gp12/build", {"recipe": "starter", "name": "../x"}),
        ("/machines/gp12/build", {"recipe": "starter", "name": "a"}),
        ("/machines/gp12/deploy", {"version": "nosuch", "seen": "b"}),
        ("/machines/gp12/deploy", {"version": "a", "seen": "b", "override_health": True}),
    ],
)
def test_what_cannot_be_is_refused_as_on_the_page(
    ci: Program, gp12: Machine, recipe: RecipeRevision, path: str, body: dict[str, Any]
) -> None:
    status, told = ci.post(path, **body)
    assert status == 409
    assert told["detail"]
    assert not Operation.objects.exists()


def test_its_use_is_noted(ci: Program) -> None:
    ci.get("/machines")
    made = Token.objects.get()
    assert made.used_from == "192.0.2.7"
    assert made.used_at is not None


def test_what_there_is_to_call_is_for_who_is_signed_in(stranger: Client, people: People) -> None:
    assert stranger.get(f"{V1}/openapi.json").status_code == 302
    stranger.force_login(people.viewer)
    paths = json.loads(stranger.get(f"{V1}/openapi.json").content)["paths"]
    assert len(paths) == 19
