"""What is on record after an operation, and after a look at the disk."""

from __future__ import annotations

import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from stacks import observation, records
from stacks.engine.layout import Layout
from stacks.models import Activation, Machine, Operation, RecipeRevision, Version
from tests.stacks.conftest import Seal, activate
from tests.stacks.test_requests import make_active

pytestmark = pytest.mark.django_db


def outcome(name: str, generation: int = 1, **rest: Any) -> dict[str, Any]:
    return {
        "version": name, "uuid": str(uuid.uuid4()), "generation": generation,
        "files": 3, "bytes": 30, "unique_bytes": 20, "manifest_digest": "d" * 64,
        "packages": {"anaconda3": {"numpy": "2.0"}}, "lockfile": {"anaconda3": "numpy==2.0"},
        "kernelspecs": [{"name": "python3"}], "sealed_at": time.time(), "unique": {name: 20}, **rest,
    }  # fmt: skip


def operation(machine: Machine, kind: str, version: str, **rest: Any) -> Operation:
    lane = "build" if kind == "build" else "live"
    parameters = {"version": version, **rest.pop("parameters", {})}
    return Operation.objects.create(
        machine=machine, kind=kind, lane=lane, state="succeeded", finished_at=Now(), parameters=parameters, **rest
    )


def test_a_build_is_recorded(machine: Machine, recipe: RecipeRevision) -> None:
    asked = {"recipe": "starter", "revision": 1, "options": ["extensions"]}
    made = operation(machine, "build", "a", parameters=asked)
    version = records.record_build(made, outcome("a"))
    assert (version.name, version.recipe_revision, version.operation, version.options) == (
        "a",
        recipe,
        made,
        ["extensions"],
    )
    assert version.packages == {"anaconda3": {"numpy": "2.0"}}
    assert "numpy==2.0" in version.lockfile


def test_a_build_changes_what_others_share(machine: Machine) -> None:
    first = records.record_build(operation(machine, "build", "a"), outcome("a"))
    second = records.record_build(operation(machine, "build", "b"), outcome("b", 2, unique={"a": 5, "b": 6}))
    first.refresh_from_db()
    assert first.unique_bytes == 5
    assert machine.versions.get(pk=second.pk).unique_bytes == 6


def test_recording_a_build_twice_is_once(machine: Machine) -> None:
    made, told = operation(machine, "build", "a"), outcome("a")
    assert records.record_build(made, told) == records.record_build(made, told)
    assert Version.objects.count() == 1


def test_an_activation_ends_the_one_before(machine: Machine, operator: User) -> None:
    for generation, name in enumerate(("a", "b"), 1):
        records.record_build(operation(machine, "build", name), outcome(name, generation))
    for name in ("a", "b"):
        asked = operation(machine, "deploy", name, requested_by=operator, reason=f"why {name}")
        records.record_activation(asked, {"version": name, "healthy": True})
    ended, current = Activation.objects.order_by("pk")
    assert ended.ended_at
    assert (current.version.name, current.activated_by, current.reason) == ("b", operator, "why b")
    assert (current.healthy, current.ended_at) == (True, None)
    assert current.operation
    assert current.operation.parameters == {"version": "b"}


def test_the_record_is_rebuilt_from_the_disk(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    sealed("b")
    make_active(machine, "b")
    Version.objects.all().delete()
    machine.generation = 0
    machine.save()
    observation.refresh(machine)
    assert [(row.name, row.generation) for row in machine.versions.all()] == [("b", 2), ("a", 1)]
    assert machine.generation == 2
    current = Activation.objects.get()
    assert (current.version.name, current.healthy, current.reason) == ("b", None, records.SEEN)
    assert machine.observed["active"] == "b"
    assert machine.observed_at


def test_seeing_the_same_again_changes_nothing(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    make_active(machine, "a")
    observation.refresh(machine)
    before = list(Version.objects.values()), list(Activation.objects.values())
    observation.refresh(machine)
    assert (list(Version.objects.values()), list(Activation.objects.values())) == before


def test_a_version_that_is_gone_is_marked_and_may_come_back(machine: Machine, sealed: Seal) -> None:
    row = sealed("a")
    row.note = "precious"
    row.save()
    directory = Layout(Path(machine.root)).version("a")
    directory.rename(directory.with_name("away"))
    observation.refresh(machine)
    row.refresh_from_db()
    assert row.removed_at
    directory.with_name("away").rename(directory)
    observation.refresh(machine)
    assert machine.versions.get(removed_at=None).note == "precious"


def test_a_name_used_again_is_another_version(machine: Machine, sealed: Seal) -> None:
    old = sealed("a")
    shutil.rmtree(Layout(Path(machine.root)).version("a"))
    new = sealed("a2")
    Version.objects.filter(pk=new.pk).update(name="a")
    observation.refresh(machine)
    assert machine.versions.get(removed_at=None).uuid == new.uuid
    old.refresh_from_db()
    assert old.removed_at


def test_a_generation_that_is_taken_becomes_the_next(machine: Machine, sealed: Seal) -> None:
    records.record_build(operation(machine, "build", "other"), outcome("other", generation=1))
    row = sealed("a")  # its description says 1, too
    machine.refresh_from_db()
    assert (row.generation, machine.generation) == (2, 2)


def test_what_runs_is_left_to_its_own_record(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    activate(machine.versions.get())
    Operation.objects.create(
        machine=machine, kind="deploy", lane="live", state="running", started_at=Now(), heartbeat_at=Now()
    )
    observation.refresh(machine)
    assert Activation.objects.get().ended_at is None


def test_what_ended_since_the_look_is_left_alone(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    before = records.unsettled(machine)
    seen = observation.observe(machine)
    records.record_activation(operation(machine, "deploy", "a"), {"version": "a", "healthy": True})
    records.adopt_active(machine, seen, before=before)
    assert Activation.objects.get().ended_at is None


def test_a_disk_that_is_not_mounted_says_nothing(machine: Machine, sealed: Seal) -> None:
    row = sealed("a")
    root = Path(machine.root)
    root.rename(root.with_name("unmounted"))
    root.mkdir()
    observation.refresh(machine)
    row.refresh_from_db()
    assert row.removed_at is None
    root.rmdir()
    root.with_name("unmounted").rename(root)


def test_another_machine_is_not_looked_at(elsewhere: Machine) -> None:
    elsewhere.observed = {"active": "x"}
    assert observation.observe(elsewhere) == {"active": "x"}
    assert observation.refresh(elsewhere) == {"active": "x"}
    assert elsewhere.observed_at is None


def test_what_versions_hold_is_kept_with_them_alone(machine: Machine, sealed: Seal) -> None:
    row = sealed("a")
    machine.refresh_from_db()
    (listed,) = machine.observed["versions"]
    assert (listed["name"], listed["bytes"]) == ("a", row.bytes)
    assert not {"packages", "kernelspecs", "lockfile"} & set(listed)
    assert {"packages", "lockfile"} <= set(observation.observe(machine)["versions"][0])
