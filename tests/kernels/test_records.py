"""What operations find of kernels is kept, and so is who edited the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from kernels import library, records, requests, seen, tasks
from kernels.models import Inventory, KernelCheck, LibraryEdit
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation
from stacks.operations import submit
from stacks.signals import recorded
from tests.kernels import corpus
from tests.kernels.conftest import add_check
from tests.kernels.test_change import sealed

TEXT = json.dumps({"argv": ["python", "-f", "{connection_file}"], "display_name": "K", "language": "python"})
OTHER = TEXT.replace('"K"', '"Other"')


def verdict(**fields: Any) -> dict[str, Any]:
    found = {"name": "k", "environment": "e", "depth": "launch", "state": "ok", "code": "", "reason": "", "output": ""}
    return {**found, "seconds": 1.5, **fields}


@pytest.fixture
def operation(elsewhere: Machine) -> Operation:
    return submit(machine=elsewhere, kind="kernel-check", parameters={})


def test_verdicts_are_kept_with_time_duration_and_output(operation: Operation) -> None:
    found = [verdict(), verdict(name="b", state="failed", code="died", reason="It died.", output="a\x00b")]
    outcome = {"kernels": found, "checked_version": "v", "live": True, "inventory": [{"name": "k"}], "library": []}
    recorded.send(Operation, operation=operation, outcome=outcome)
    rows = KernelCheck.objects.order_by("pk")
    assert [(row.name, row.state, row.code, row.version, row.live, row.seconds) for row in rows] == [
        ("k", "ok", "", "v", True, 1.5),
        ("b", "failed", "died", "v", True, 1.5),
    ]
    assert rows[1].output == "a\N{REPLACEMENT CHARACTER}b"
    assert Inventory.objects.get().kernels == [{"name": "k"}]


def test_what_a_deploy_found_counts_for_its_version(operation: Operation) -> None:
    records.record(operation=operation, outcome={"version": "v", "kernels": [{**verdict(), "healthy": True}]})
    row = KernelCheck.objects.get()
    assert (row.version, row.live) == ("v", False)
    records.record(operation=operation, outcome={"version": "v"})
    assert KernelCheck.objects.count() == 1


def test_the_last_inventory_of_a_tree_is_kept_and_one_library(operation: Operation) -> None:
    for version, library_names in (("v", ["x"]), ("w", ["y"]), ("v", ["z"])):
        documents = [{"name": name} for name in library_names]
        outcome = {"checked_version": version, "live": True, "inventory": [], "library": documents}
        records.record(operation=operation, outcome=outcome)
    assert Inventory.objects.count() == 2
    assert seen.libraries([operation.machine]) == {operation.machine.pk: [{"name": "z"}]}


def test_after_a_revert_the_kernels_are_checked(operation: Operation) -> None:
    Operation.objects.all().delete()
    reverted = submit(machine=operation.machine, kind="revert", parameters={"version": "a"})
    records.record(operation=reverted, outcome={"version": "a"})
    asked = Operation.objects.get(kind="kernel-check")
    assert (asked.parent, asked.lane, asked.parameters["depth"]) == (reverted, "build", "launch")
    records.record(operation=reverted, outcome={"version": "a"})  # the lane is busy now: that is no error
    assert Operation.objects.filter(kind="kernel-check").count() == 1


@pytest.mark.parametrize("fields", [{"state": "odd"}, {"state": "failed"}, {"code": "x"}, {"depth": "deep"}])
def test_what_must_never_be_is_refused_by_the_database(elsewhere: Machine, fields: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        add_check(elsewhere, "v", "k", **fields)


def test_an_edit_is_written_to_disk_and_to_the_history(machine: Machine, layout: Layout, operator: User) -> None:
    made = library.save(machine=machine, name="k", text=TEXT, expected="", by=operator)
    library.save(machine=machine, name="k", text=OTHER, expected=made.digest, by=operator)
    found = library.find(machine, "k")
    assert found is not None
    library.save(machine=machine, name="k", text=OTHER, expected=found.digest, by=operator)  # nothing new
    library.remove(machine=machine, name="k", expected=found.digest, by=operator)
    assert not (layout.kernel_specs / "k").exists()
    history = library.history(machine, "k")
    assert [edit.row.action for edit in history] == ["removed", "changed", "added"]
    assert {edit.row.edited_by for edit in history} == {operator}
    assert [sign for sign, _ in history[1].lines] == ["-", "+"]


def test_a_refused_edit_leaves_neither(machine: Machine, layout: Layout, operator: User) -> None:
    library.save(machine=machine, name="k", text=TEXT, expected="", by=operator)
    for name, text, expected in (("k", OTHER, "stale"), ("k", "{", "stale"), ("../k", TEXT, ""), ("k", OTHER, "")):
        with pytest.raises(Refused):
            library.save(machine=machine, name=name, text=text, expected=expected, by=operator)
    with pytest.raises(Refused):
        library.remove(machine=machine, name="k", expected="stale", by=operator)
    assert LibraryEdit.objects.count() == 1
    assert (layout.kernel_specs / "k/kernel.json").read_text() == TEXT
    assert [path.name for path in layout.kernel_specs.iterdir()] == ["k"]


def test_the_library_of_another_machine_is_refused(elsewhere: Machine, operator: User) -> None:
    with pytest.raises(Refused, match="on its own disk"):
        library.save(machine=elsewhere, name="k", text=TEXT, expected="", by=operator)


def test_a_change_is_asked_for_with_a_name_and_a_generation(elsewhere: Machine, operator: User) -> None:
    asked = requests.install(machine=elsewhere, kernel="k", requested_by=operator, reason="new")
    assert (asked.kind, asked.lane, asked.reason) == ("kernel-install", "live", "new")
    assert set(asked.parameters) == {"kernel", "version", "generation"}
    elsewhere.refresh_from_db()
    assert asked.parameters["generation"] == elsewhere.generation == 1
    with pytest.raises(Refused, match="is busy"):
        requests.remove(machine=elsewhere, kernel="k", requested_by=operator)


def test_here_it_is_refused_early(machine: Machine, operator: User) -> None:
    with pytest.raises(Refused, match="Nothing is active"):
        requests.install(machine=machine, kernel="k", requested_by=operator)
    with pytest.raises(Refused, match="leads nowhere"):
        requests.check(machine=machine, requested_by=operator)
    assert not Operation.objects.exists()


def test_beat_asks_for_a_check_of_what_is_live_everywhere(machine: Machine, layout: Layout, elsewhere: Machine) -> None:
    tasks.check()
    assert [operation.machine for operation in Operation.objects.all()] == [elsewhere]
    on = corpus.stage(layout, layout.building)
    on.tiny("tiny", "well")
    sealed(on)
    layout.live.symlink_to("sw.a")
    tasks.check()
    tasks.check()
    assert {operation.machine for operation in Operation.objects.all()} == {machine, elsewhere}
    found = seen.kernels(machine)
    assert (found.version, [item["name"] for item in found.kernels if item["environment"]]) == ("a", ["tiny"])
    assert seen.kernels(machine, "a").version == "a"
    with pytest.raises(Refused):
        seen.kernels(machine, "z")
    assert Path(found.kernels[0]["directory"]).is_relative_to(layout.live)
