"""What is active and what was before, as the dashboard tells it, in one query."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from stacks import observation
from stacks.engine.layout import Layout
from stacks.models import Machine
from stacks.standing import standing
from stacks.views.shown import all_machines
from tests.kernels.conftest import add_version
from tests.stacks.conftest import Seal, activate


def told() -> dict[str, tuple[str, str]]:
    with CaptureQueriesContext(connection) as queries:
        found = {item.machine.name: (item.active, item.previous) for item in standing()}
    assert len(queries) == 1
    assert found == {shown.machine.name: (shown.active, shown.previous) for shown in all_machines()}
    return found


def test_of_another_machine_the_last_look_counts_before_the_record(elsewhere: Machine) -> None:
    assert told() == {"gp12": ("", "")}
    for name in ("a", "b"):
        add_version(elsewhere, name, [], active=True)
    assert told() == {"gp12": ("b", "a")}
    for seen, active in (({}, "b"), ({"active": None}, ""), ({"active": "c"}, "c")):
        elsewhere.observed = seen
        elsewhere.save()
        assert told() == {"gp12": (active, "a")}


@pytest.mark.django_db
def test_here_the_disk_does(machine: Machine, layout: Layout, sealed: Seal) -> None:
    activate(sealed("a"))
    assert told() == {"local": ("", "")}
    layout.live.symlink_to("sw.a")
    observation.refresh(machine)
    assert told() == {"local": ("a", "")}


def test_some_by_name(elsewhere: Machine) -> None:
    Machine.objects.create(name="gp13", root="/data0")
    assert [item.machine.name for item in standing(["gp13", "none"])] == ["gp13"]
