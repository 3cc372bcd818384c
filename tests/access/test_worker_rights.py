"""Rights that were taken away between the click and the run: the operation fails with a sentence, and does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from access import accounts, roles
from stacks import operations, running
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation
from tests.conftest import People
from tests.engine.conftest import Make
from tests.stacks import tiny


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker beside this process."""


def submit(machine: Machine, by: User | None, tmp_path: Path, kind: str = "deploy") -> Operation:
    parameters = {"version": "a", "work": ["one"], "ran": str(tmp_path / "ran")}
    return operations.submit(machine=machine, kind=kind, parameters=parameters, requested_by=by)


def run(operation: Operation) -> Operation:
    running.run(operation.pk, plan_for=tiny.plan_for)
    operation.refresh_from_db()
    return operation


def test_with_the_right_it_runs(machine: Machine, people: People, tmp_path: Path) -> None:
    assert run(submit(machine, people.operator, tmp_path)).state == "succeeded"
    assert (tmp_path / "ran").read_text() == "one\n"


def test_who_lost_the_role(machine: Machine, people: People, tmp_path: Path) -> None:
    asked = submit(machine, people.operator, tmp_path)
    accounts.give(user=people.operator, role="viewer", by=people.admin)
    ended = run(asked)
    assert ended.state == "failed"
    assert ended.message == "operator has the role viewer; this needs the role operator, which an admin can give."
    assert ended.outcome["refused"] is True
    assert not (tmp_path / "ran").exists()


def test_who_was_shut_out(machine: Machine, people: People, tmp_path: Path) -> None:
    asked = submit(machine, people.operator, tmp_path)
    accounts.close(user=people.operator, by=people.admin)
    assert run(asked).message == "The account operator is closed: nothing is done for it."
    assert not (tmp_path / "ran").exists()


def test_an_admins_kind_needs_an_admin_still(machine: Machine, people: People, tmp_path: Path) -> None:
    asked = submit(machine, people.admin, tmp_path, "prune")
    User.objects.create_superuser("another")
    accounts.give(user=people.admin, role="operator", by=None)
    assert "this needs the role admin" in run(asked).message
    assert not (tmp_path / "ran").exists()


def test_the_machines_own_command_line_needs_no_role(machine: Machine, tmp_path: Path) -> None:
    assert run(submit(machine, None, tmp_path)).state == "succeeded"


@pytest.mark.parametrize(("who", "kind"), [("viewer", "deploy"), ("operator", "remove"), ("operator", "provision")])
def test_what_the_role_does_not_allow_is_not_even_queued(
    machine: Machine, people: People, tmp_path: Path, who: str, kind: str
) -> None:
    with pytest.raises(Refused, match=f"{who} has the role {who}; this needs the role"):
        submit(machine, getattr(people, who), tmp_path, kind)
    assert not Operation.objects.exists()


def test_a_right_is_looked_up_anew(machine: Machine, people: People, tmp_path: Path) -> None:
    assert people.operator.has_perm(roles.OPERATE)  # which Django remembers with the object
    accounts.give(user=people.operator, role="viewer", by=people.admin)
    with pytest.raises(Refused, match="has the role viewer"):
        submit(machine, people.operator, tmp_path)


def test_a_deploy_that_follows_a_build_needs_the_right_too(machine: Machine, people: People, version: Make) -> None:
    version("a", {"bin/python": "#!a"})
    parameters = {"version": "a", "deploy": True, "work": ["one"]}
    asked = operations.submit(machine=machine, kind="build", parameters=parameters, requested_by=people.operator)

    def lose(kind: str, context: object) -> object:
        plan = tiny.plan_for(kind, context)  # type: ignore[arg-type]
        accounts.give(user=people.operator, role="viewer", by=people.admin)
        return plan

    running.run(asked.pk, plan_for=lose)  # type: ignore[arg-type]
    asked.refresh_from_db()
    assert asked.state == "succeeded"
    assert "It was not deployed: operator has the role viewer" in asked.message
    assert not asked.children.exists()
