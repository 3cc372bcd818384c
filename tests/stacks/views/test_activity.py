"""Everything that anyone changed."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from access import audit
from access.models import AuditEntry
from kernels import records as kernel_records
from stacks import activity, events, machines, marks, recipes
from stacks.activity import Asked, Cursor, Span
from stacks.models import Machine, Operation
from tests.conftest import People
from tests.seed import Seed
from tests.stacks.conftest import Seal, activate
from tests.stacks.views.conftest import Make, signed_in
from tests.stacks.views.test_templates import Count, count_queries

__all__ = ["count_queries"]

PAGE, CSV, JSON = "/activity/", "/activity.csv", "/activity.json"


@pytest.fixture
def all_sources(machine: Machine, elsewhere: Machine, people: People, operation: Make, sealed: Seal) -> None:
    """One entry of each source, in the order of their times."""
    activate(sealed("found-by-hand"))
    operation("failed", "deploy", parameters={"version": "v-1"}, reason="monthly", message="=cmd|' /C calc'!A0")
    marks.freeze(machine=elsewhere, by=people.admin, reason="exam <b>week</b>")
    recipes.add_revision(text=(recipes.SHIPPED / "starter.toml").read_text(), created_by=people.viewer, note="first")
    kernel_records.record_edit(machine=machine, kernel="R", by=people.admin, before="", after="{}")


def whats(client: Client, query: str = "") -> list[str]:
    return [entry["what"] for entry in client.get(f"{JSON}?{query}").json()["activity"]]


ALL = [
    "Kernelspec “R” added in the library",
    "Recipe starter r1",
    "Deploys are frozen: exam <b>week</b>",
    "Deploy v-1",
    "“found-by-hand” was found active",
]


def test_every_source_newest_first(as_viewer: Client, all_sources: None) -> None:
    assert whats(as_viewer) == ALL
    page = as_viewer.get(PAGE).content.decode()
    assert "exam &lt;b&gt;week" in page
    assert "by admin" in page
    assert 'href="/recipes/starter/"' in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("machine=gp12", [2]),
        ("machine=local", [0, 3, 4]),
        ("who=adm", [0, 2]),
        ("who=the+command+line", [4]),
        ("kind=deploy", [3]),
        ("kind=freeze", [2]),
        ("kind=library&machine=gp12", []),
        ("text=V-1", [3]),
        ("text=exam", [2]),
        ("text=first", [1]),
        ("text=by-hand", [4]),
        ("text=100%25", []),
        ("kind=nosuch", [0, 1, 2, 3, 4]),
        ("machine=nosuch", [0, 1, 2, 3, 4]),
    ],
)
def test_filters(as_viewer: Client, all_sources: None, query: str, expected: list[int]) -> None:
    assert whats(as_viewer, query) == [ALL[number] for number in expected]
    page = as_viewer.get(f"{PAGE}?{query}").content.decode()
    assert ("Nothing fits this filter" in page) == (not expected)


@pytest.mark.parametrize(
    ("text", "found"),
    [("sky", True), ("ü", True), ('"quo', True), ("back\\s", True), ("kernel", False), ("\\u00fc", False)],
)
def test_what_json_spells_otherwise_is_found_as_it_reads(
    as_viewer: Client, operation: Make, text: str, found: bool
) -> None:
    operation("failed", "deploy", parameters={"version": "v-1", "kernel": 'Sky-ü "quoted" back\\slash'}, message="")
    answer = as_viewer.get(JSON, {"text": text}).json()
    assert len(answer["activity"]) == found


def test_a_spreadsheet_takes_nothing_for_a_formula(as_viewer: Client, all_sources: None) -> None:
    Operation.objects.update(reason="=1+1")
    answer = as_viewer.get(CSV)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="activity.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [row["what"] for row in rows] == ALL
    assert rows[3]["why"] == "'=1+1"
    assert rows[3]["outcome"].startswith("failed: =cmd")


def test_pages_follow_one_another_without_gap_or_repeat(as_viewer: Client, machine: Machine, operator: User) -> None:
    now = timezone.now()
    for number in range(130):
        events.note(machine=machine, kind="freeze", text=f"event {number}", by=operator)
        made = Operation.objects.create(
            machine=machine,
            kind="verify",
            lane="build",
            state="failed",
            finished_at=now,
            parameters={"version": number},
        )
        # Many at the very same time: the order must still be a total one.
        at = now - timedelta(seconds=number // 40)
        Operation.objects.filter(pk=made.pk).update(created_at=at)
        machine.events.filter(text=f"event {number}").update(at=at)
    seen, after, pages = [], None, 0
    while found := activity.entries(Asked(), span=Span(after), count=50):
        seen += [(entry.kind, entry.what) for entry in found]
        after, pages = Cursor.read(str(found[-1].cursor)), pages + 1
    assert (len(seen), len(set(seen)), pages) == (260, 260, 6)
    first = as_viewer.get(PAGE).content.decode()
    assert "Older" in first
    assert "Newest" not in first
    older = as_viewer.get(PAGE, {"after": str(activity.entries(Asked(), count=50)[-1].cursor)}).content.decode()
    assert "Newest" in older


def test_a_text_is_looked_for_a_part_of_the_past_at_a_time(
    as_viewer: Client, machine: Machine, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "LOOKED_THROUGH", 25)
    now = timezone.now()
    for number in range(60):
        said = "a needle" if number % 40 == 39 else "hay"
        events.note(machine=machine, kind="freeze", text=f"{said} {number}", by=operator)
        machine.events.filter(text=f"{said} {number}").update(at=now - timedelta(minutes=number // 3))
        Operation.objects.create(
            machine=machine, kind="verify", lane="build", state="failed", finished_at=now, reason=f"{said} {number}"
        )
        Operation.objects.filter(reason=f"{said} {number}").update(created_at=now - timedelta(minutes=number // 2))
    asked, after, found, looks = Asked(text="needle"), None, [], 0
    while True:
        page = activity.page(asked, after=after, count=50)
        found += [entry.what + entry.why for entry in page.entries]
        looks += 1
        if page.older is None:
            break
        assert page.until is not None
        after = Cursor.read(str(page.older))
    assert looks > 2
    assert len(found) == 2 == len(set(found))
    answer = as_viewer.get(PAGE, {"text": "needle"}).content.decode()
    assert "Nothing fits as far back as" in answer
    assert "Look further back" in answer
    assert "until" not in as_viewer.get(JSON, {"text": "needle"}).json()  # an export looks through all
    assert len(as_viewer.get(JSON, {"text": "needle"}).json()["activity"]) == 2


@pytest.mark.parametrize("text", ["", "x", "2026-01-01~operation~1", "2026-01-01T00:00+00:00~operation~x", "~~"])
def test_what_is_no_cursor_begins_at_the_newest(as_viewer: Client, all_sources: None, text: str) -> None:
    assert Cursor.read(text) is None
    assert "Kernelspec" in as_viewer.get(PAGE, {"after": text}).content.decode()


def test_a_machine_that_was_renamed_is_led_to_and_one_that_was_forgotten_is_not(
    as_admin: Client, elsewhere: Machine, people: People
) -> None:
    old = elsewhere.name
    audit.record(AuditEntry.Kind.SETTINGS, "Its copies were bounded.", by=people.admin, machine=old)
    machines.rename(machine=elsewhere, name="gp99", by=people.admin)
    entries = [one for one in activity.entries(Asked(), count=50) if one.kind in ("settings", "machine")]
    assert [one.address for one in entries[:2]] == ["/machines/gp99/"] * 2
    assert all(as_admin.get(one.address).status_code == 200 for one in entries if one.address)
    machines.forget(machine=elsewhere, by=people.admin)
    entries = [one for one in activity.entries(Asked(), count=50) if one.machine in (old, "gp99")]
    assert [one.address for one in entries] == [""] * len(entries)
    assert f"/machines/{old}/" not in as_admin.get(PAGE).content.decode()


def test_nothing_yet(as_viewer: Client) -> None:
    assert "Nothing was changed yet" in as_viewer.get(PAGE).content.decode()


@pytest.mark.parametrize("address", [PAGE, CSV, JSON])
def test_who_may_look(stranger: Client, as_viewer: Client, address: str) -> None:
    assert stranger.get(address).headers["Location"].startswith("/sign-in/")
    assert as_viewer.get(address).status_code == 200
    assert as_viewer.post(address).status_code == 405


def test_queries_do_not_grow_with_what_there_is(db: None, tmp_path: Path, count_queries: Count) -> None:
    seed = Seed(tmp_path)
    client = signed_in(seed.alice)
    few = count_queries(client, PAGE)
    for number in range(20):
        user = User.objects.create_user(f"user{number}")
        seed._operation(seed.machine, "deploy", "failed", "2026-11-20", ago=5, by=user)
        events.note(machine=seed.machine, kind="clear", text="x", by=user)
    assert count_queries(client, PAGE) == few <= 15
