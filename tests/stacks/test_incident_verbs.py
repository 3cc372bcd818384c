"""The verbs of an incident: what they print, and their exit statuses."""

from __future__ import annotations

from typing import Any

import pytest

from stacks import marks
from stacks.management.commands import clear, freeze, incident, unfreeze
from stacks.models import Event, Machine, Operation, Version
from tests.stacks import test_command_line
from tests.stacks.conftest import Seal, activate
from tests.stacks.test_command_line import Result, _services_run_elsewhere
from tests.stacks.test_requests import make_active

__all__ = ["_services_run_elsewhere"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _verbs(monkeypatch: pytest.MonkeyPatch, no_broker: None) -> None:
    modules: Any = (clear, freeze, incident, unfreeze)
    for module in modules:
        monkeypatch.setitem(test_command_line.VERBS, module.__name__.rpartition(".")[2], module.Command)


@pytest.fixture
def two(machine: Machine, sealed: Seal) -> tuple[Version, Version]:
    first, second = sealed("a"), sealed("b")
    first.packages, second.packages = {"anaconda3": {"numpy": "1", "six": "1"}}, {"anaconda3": {"numpy": "2"}}
    for row in (first, second):
        row.save()
        activate(row)
    return first, second


def test_incident(machine: Machine, two: tuple[Version, Version]) -> None:
    make_active(machine, "b")
    marks.freeze(machine=machine, by=None, reason="look first")
    result = Result("incident")
    assert (result.status, result.err) == (0, "")
    for said in (
        "local: b is active since 20",
        "UTC by the command line",
        "local is frozen since",
        "from a to b:\n  anaconda3: numpy 1 → 2\n  anaconda3: six 1 → removed\n",
        "healthy before: a\nrevert to a: dlstack revert --machine local --mark-bad --reason WHY",
        "Z “b” became active, healthy.",
        "Deploys are frozen: look first",
    ):
        assert said in result.out


def test_what_is_printed_holds_nothing_that_a_terminal_obeys(machine: Machine, two: tuple[Version, Version]) -> None:
    make_active(machine, "b")
    marks.freeze(machine=machine, by=None, reason="\x1b[2J\x1b]0;title\x07exam\rweek\x9b31m")
    said = Result("incident").out
    assert "week31m" in said
    assert said.replace("\n", "").isprintable()


def test_incident_as_json(machine: Machine, two: tuple[Version, Version], elsewhere: Machine) -> None:
    marks.mark_bad(version=two[0], by=None, reason="dead kernels")
    here = Result("incident", "--machine", "local", "--json").json["machines"]
    assert [one["machine"] for one in here] == ["local"]
    assert {"active", "since", "by", "reason", "frozen", "bad", "build", "targets", "differences"} <= set(here[0])
    assert here[0]["targets"] == []
    both = Result("incident", "--json").json["machines"]
    assert [one["machine"] for one in both] == ["gp12", "local"]
    assert "no other version was active and healthy" in Result("incident", "--machine", "gp12").out


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["incident", "--hours", "0"], "--hours must be from 1 to 744."),
        (["incident", "--machine", "nosuch"], "There is no machine “nosuch”"),
        (["freeze"], "the following arguments are required: --reason"),
        (["freeze", "--reason", " "], "give a reason"),
        (["unfreeze", "--reason", "x"], "local is not frozen: there is nothing to do."),
        (["clear", "a", "--reason", "x"], "“a” is not marked bad"),
        (["clear", "z", "--reason", "x"], "There is no sealed version “z” on local"),
        (["clear", "../a", "--reason", "x"], "cannot name a version"),
        (["revert", "--mark-bad"], "To mark the version that is left as bad, give a reason"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_refusals_are_one_line_and_2(
    machine: Machine, two: tuple[Version, Version], argv: list[str], why: str, options: list[str]
) -> None:
    result = Result(*argv, *options)
    assert (result.status, result.out) == (2, "")
    assert why in result.err
    assert result.err.count("\n") == 1
    assert Operation.objects.count() + Event.objects.count() == 0


def test_freeze_and_unfreeze(machine: Machine, two: tuple[Version, Version]) -> None:
    assert "local is frozen since" in Result("freeze", "--reason", "exam week").out
    refused = Result("deploy", "a")
    assert (refused.status, "exam week" in refused.err) == (2, True)
    assert Result("unfreeze", "--reason", "over", "--json").json == {"machine": "local", "frozen": None}
    assert "exam week" in Result("freeze", "--reason", "exam week", "--json").json["frozen"]


def test_revert_marks_bad_and_clear_takes_it_back(machine: Machine, two: tuple[Version, Version]) -> None:
    shown = Result("revert", "--mark-bad", "--reason", "plots are empty", "--detach")
    assert shown.status == 0
    assert Operation.objects.get().parameters == {"version": "a"}, "nothing is active on this disk"
    marks.mark_bad(version=two[1], by=None, reason="plots are empty")
    assert [item["bad"] for item in Result("versions", "--json").json] == ["plots are empty", None]
    assert "marked bad" in Result("versions").out
    assert Result("clear", "b", "--reason", "it was the disk").out == (
        "The mark on “b” is cleared: it can be deployed.\n"
    )
    marks.mark_bad(version=two[1], by=None, reason="again")
    assert Result("clear", "b", "--reason", "x", "--json").json == {"machine": "local", "version": "b", "bad": None}
