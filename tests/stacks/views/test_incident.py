"""Incident mode: what changed, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from stacks import activations, marks, timeline
from stacks.models import Activation, Event, Machine, Operation, Version
from tests.conftest import People
from tests.seed import Seed
from tests.stacks.conftest import Seal, activate
from tests.stacks.views.conftest import Make, signed_in
from tests.stacks.views.test_switch import see
from tests.stacks.views.test_templates import Count, count_queries

__all__ = ["count_queries"]

PAGE, TEXT = "/machines/gp12/incident/", "/machines/gp12/incident/timeline.txt"


@pytest.fixture
def two(elsewhere: Machine, machine: Machine, sealed: Seal, people: People) -> tuple[Version, Version]:
    """Two versions of a machine elsewhere, of which the first was active and then the second is."""
    sealed("a"), sealed("b")
    Version.objects.update(machine=elsewhere)
    for number, row in enumerate(Version.objects.order_by("generation"), 1):
        row.packages = {"anaconda3": {"numpy": f"{number}.0"}}
        row.save()
        activate(row)
    Activation.objects.update(activated_by=people.admin, reason="monthly")
    see(elsewhere, "b")
    first, second = Version.objects.order_by("generation")
    return first, second


def page(client: Client, address: str = PAGE) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_button_is_on_every_page_and_leads_to_the_machine(
    as_viewer: Client, two: tuple[Version, Version], stranger: Client
) -> None:
    assert 'id="incident" href="/incident/"' in page(as_viewer, "/")
    assert 'href="/incident/?machine=gp12"' in page(as_viewer, "/machines/gp12/")
    assert as_viewer.get("/incident/?machine=gp12").headers["Location"] == PAGE
    assert 'id="incident"' not in page(stranger, "/sign-in/")


def test_all_machines_the_one_changed_last_first(as_viewer: Client, two: tuple[Version, Version]) -> None:
    text = page(as_viewer, "/incident/?machine=nosuch")
    assert text.index('id="incident-gp12"') < text.index('id="incident-local"')
    assert "A revert leads to a." in text
    assert "There is nothing to revert to." in text


def test_one_machine_is_shown_at_once(as_viewer: Client, elsewhere: Machine) -> None:
    assert as_viewer.get("/incident/").headers["Location"] == PAGE


def test_without_a_machine(as_viewer: Client) -> None:
    assert "No machine yet" in page(as_viewer, "/incident/")


def test_the_facts(as_operator: Client, two: tuple[Version, Version], elsewhere: Machine, operation: Make) -> None:
    operation("succeeded", "revert", machine=elsewhere, message="done once")
    text = page(as_operator)
    assert "b is active" in text
    assert "by admin" in text
    assert "monthly" in text
    assert "The last revert took" in text
    assert "from a to b" in text
    assert "numpy" in text
    assert 'name="seen" value="b"' in text
    assert 'name="version" value="a"' in text
    assert "b is then marked bad" in text


def test_another_target_is_looked_at(as_operator: Client, two: tuple[Version, Version], sealed: Seal) -> None:
    third = sealed("c")
    Version.objects.filter(pk=third.pk).update(machine=two[0].machine)
    third.refresh_from_db()
    activate(third)
    see(third.machine, "c")
    assert 'name="version" value="b"' in page(as_operator)
    text = page(as_operator, f"{PAGE}?to=a")
    assert 'name="version" value="a"' in text
    assert 'href="?to=b"' in text
    assert 'name="version" value="b"' in page(as_operator, f"{PAGE}?to=nosuch")


def test_revert(as_operator: Client, two: tuple[Version, Version]) -> None:
    answer = as_operator.post(PAGE, {"version": "a", "seen": "b", "reason": "plots are empty"})
    made = Operation.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/operations/{made.pk}/")
    assert (made.kind, made.parameters, made.reason) == ("revert", {"version": "a", "mark_bad": "b"}, "plots are empty")


def test_a_reason_is_required(as_operator: Client, two: tuple[Version, Version]) -> None:
    answer = as_operator.post(PAGE, {"version": "a", "seen": "b", "reason": "  "})
    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()
    assert not Operation.objects.exists()


def test_a_stale_page_is_refused_with_who(as_operator: Client, two: tuple[Version, Version]) -> None:
    answer = as_operator.post(PAGE, {"version": "a", "seen": "long-gone", "reason": "x"})
    assert answer.status_code == 409
    assert "b is active now, by admin" in answer.content.decode()
    assert not Operation.objects.exists()


def test_a_bad_version_is_not_offered(as_operator: Client, two: tuple[Version, Version], people: People) -> None:
    marks.mark_bad(version=two[0], by=people.admin, reason="kernels die")
    assert "No other version was active and healthy before" in page(as_operator)
    answer = as_operator.post(PAGE, {"version": "a", "seen": "b", "reason": "x"})
    assert answer.status_code == 409
    assert "kernels die" in answer.content.decode()


def test_nothing_is_active(as_operator: Client, elsewhere: Machine) -> None:
    assert "Nothing is active" in page(as_operator)


def test_what_the_disk_says_by_hand_is_told(as_operator: Client, two: tuple[Version, Version]) -> None:
    see(two[0].machine, "a")
    assert "The disk says that a is active, the record says b." in page(as_operator)


def test_the_plan_is_shown_where_the_disk_is_at_hand(as_operator: Client, machine: Machine, sealed: Seal) -> None:
    activate(sealed("a"))
    activate(sealed("b"))
    assert "What will happen" in page(as_operator, "/machines/local/incident/")


def test_the_timeline(as_viewer: Client, two: tuple[Version, Version], people: People, operation: Make) -> None:
    machine = two[0].machine
    activations.activate(machine, two[0], healthy=False)
    marks.freeze(machine=machine, by=people.admin, reason="look first")
    marks.mark_bad(version=two[1], by=None, reason="plots\nare <b>empty</b>")
    operation("failed", "deploy", machine=machine, reason="monthly", message="It was\nrefused.")
    answer = as_viewer.get(TEXT)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    head, _, *lines = text.splitlines()
    assert head.startswith("## gp12, 20")
    assert all(line.startswith("- 20") and line[21] == "Z" for line in lines), lines
    assert lines == sorted(lines, key=lambda line: line[:23])
    for said in (
        "Z “b” became active, healthy, by admin.",
        "Z “a” became active, NOT healthy.",
        "Z Deploys are frozen: look first (by admin)",
        "Z “b” is marked bad: plots are <b>empty</b> (by the command line)",
        "Z Deploy a (#",
        ") by operator: failed after 0.0 s. Reason: “monthly”. It was refused.",
    ):
        assert said in text
    assert "plots are &lt;b&gt;empty" in page(as_viewer)


def test_the_timeline_holds_nothing_that_a_terminal_obeys(as_viewer: Client, elsewhere: Machine) -> None:
    Event.objects.create(machine=elsewhere, kind="clear", text="\x1b]0;never ended, \x1b[31mred\x07\rover")
    Event.objects.create(machine=elsewhere, kind="clear", text="\x9bnext")
    text = as_viewer.get(TEXT).content.decode()
    assert "over (by" in text
    assert "next (by" in text
    assert text.replace("\n", "").isprintable()


def test_the_timeline_is_as_long_as_asked(as_viewer: Client, two: tuple[Version, Version]) -> None:
    Activation.objects.update(activated_at="2026-01-01T00:00Z")
    for hours in ("", "1", "x", "-1", "99999", "²"):
        assert "- nothing" in as_viewer.get(f"{TEXT}?hours={hours}").content.decode()


def test_a_timeline_that_is_cut_says_so(as_viewer: Client, elsewhere: Machine) -> None:
    Event.objects.bulk_create(Event(machine=elsewhere, kind="clear", text=f"n {n}") for n in range(timeline.MOST + 1))
    for address, most, more in ((TEXT, timeline.MOST, "the activity"), (PAGE, timeline.ON_PAGE, "the plain text")):
        said = as_viewer.get(address).content.decode()
        assert f"the newest {most} each; {more} has" in said
        assert f"n {timeline.MOST} (by" in said
        assert f"n {timeline.MOST - most} (by" not in said


def test_what_still_runs_is_told_however_much_came_after(elsewhere: Machine, operation: Make) -> None:
    old = operation("running", "build", machine=elsewhere)
    for _ in range(3):
        operation("succeeded", "deploy", machine=elsewhere)
    assert timeline.of(elsewhere, most=2).unfinished == [old]


@pytest.mark.parametrize("address", [PAGE, TEXT, "/incident/"])
def test_who_may_look(stranger: Client, as_viewer: Client, elsewhere: Machine, machine: Machine, address: str) -> None:
    assert stranger.get(address).headers["Location"].startswith("/sign-in/")
    assert as_viewer.get(address).status_code == 200
    assert as_viewer.put(address).status_code == 405
    assert as_viewer.get(address.replace("gp12", "nosuch")).status_code == 200 if address == "/incident/" else 404


def test_who_may_revert(stranger: Client, as_viewer: Client, two: tuple[Version, Version]) -> None:
    asked = {"version": "a", "seen": "b", "reason": "x"}
    assert as_viewer.post(PAGE, asked).status_code == 403
    assert stranger.post(PAGE, asked).status_code == 302
    assert 'id="confirm"' not in page(as_viewer)
    assert "ask an operator" in page(as_viewer)
    assert not Operation.objects.exists()


def test_a_machine_that_is_not_there(as_operator: Client, two: tuple[Version, Version]) -> None:
    for address in (PAGE, TEXT):
        assert as_operator.get(address.replace("gp12", "nosuch")).status_code == 404
    assert as_operator.post(PAGE.replace("gp12", "nosuch"), {"reason": "x"}).status_code == 404


@pytest.mark.parametrize("address", ["/incident/", "/machines/local/incident/", "/machines/gp20/incident/"])
def test_queries_do_not_grow_with_what_there_is(db: None, tmp_path: Path, address: str, count_queries: Count) -> None:
    seed = Seed(tmp_path)
    client = signed_in(seed.alice)
    few = count_queries(client, address)
    for number in range(10):
        Machine.objects.create(name=f"m{number}", root="/data0")
        for row in seed.versions.values():
            activate(row)
        seed._operation(seed.machine, "deploy", "failed", "2026-11-20", ago=5)
    assert count_queries(client, address) == few <= 15
