"""What a revert leads to: the record and the machine's own journal keep one rule."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from stacks import activations
from stacks.engine import journal
from stacks.engine.layout import Layout
from stacks.models import Activation, Machine, Version
from tests.stacks.conftest import Seal, activate

pytestmark = pytest.mark.django_db


class Switch(NamedTuple):
    """One change of what is active."""

    version: str
    kind: str
    healthy: bool


switches = some.builds(Switch, some.sampled_from("abcd"), some.sampled_from(["deploy", "revert"]), some.booleans())


def target(machine: Machine) -> str | None:
    found = activations.revert_target(machine)
    return found.name if found else None


def test_a_revert_never_leads_forth_to_what_was_left(machine: Machine, sealed: Seal) -> None:
    a, b, c = sealed("a"), sealed("b"), sealed("c")
    for version in (a, b, c):
        activate(version)
    assert target(machine) == "b"
    activate(b, reverted=True)
    assert target(machine) == "a"
    activate(a, reverted=True)
    assert target(machine) is None
    activate(c)
    assert target(machine) == "a"


def test_what_was_removed_is_passed_over(machine: Machine, sealed: Seal) -> None:
    a, b, c = sealed("a"), sealed("b"), sealed("c")
    for version in (a, b, c):
        activate(version)
    b.removed_at = timezone.now()
    b.save()
    activations.settle(machine)
    now = activations.current(machine)
    assert now is not None
    assert now.returns_to is not None
    assert (now.returns_to.version, target(machine)) == (a, "a")


def test_what_was_active_last_is_offered_when_nothing_is(machine: Machine, sealed: Seal) -> None:
    a = sealed("a")
    activations.end(activate(a))
    assert target(machine) == "a"


@example(
    history=[
        *(Switch(name, "deploy", healthy=True) for name in "bacb"),
        *(Switch("c", "revert", healthy=False), Switch("a", "deploy", healthy=False)),
    ]
)
@given(history=some.lists(switches, max_size=12))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_record_and_the_journal_agree(history: list[Switch], machine: Machine, layout: Layout) -> None:
    rows = _forget_all(machine, layout)
    now = None
    for switch in history:
        if switch.version == now:
            continue
        now = switch.version
        journal.begin(layout, "live", operation="1", kind=switch.kind, version=now)
        journal.end(layout, "live", "succeeded", healthy=switch.healthy)
        activations.activate(machine, rows[now], reverted=switch.kind == "revert", healthy=switch.healthy)
    assert target(machine) == journal.last_active(layout, besides=now)


def _forget_all(machine: Machine, layout: Layout) -> dict[str, Version]:
    Activation.objects.all().delete()
    (layout.state / "history.jsonl").unlink(missing_ok=True)
    return {
        name: Version.objects.get_or_create(
            machine=machine, name=name, uuid=f"{number:032x}", generation=number,
            files=1, bytes=1, unique_bytes=1, manifest_digest="0", sealed_at="2026-11-01T00:00Z",
        )[0]
        for number, name in enumerate("abcd", 1)
    }  # fmt: skip
