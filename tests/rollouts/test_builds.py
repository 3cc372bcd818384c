"""A rollout is of one build: a version of the same name that is another one is told, and refused."""

from __future__ import annotations

import pytest
from django.test import Client

from stacks import rollouts
from stacks.engine.errors import Refused
from stacks.models import Machine, Rollout, Version
from tests.rollouts.fleet import deploy, end, of, states
from tests.stacks.views.conftest import as_operator

__all__ = ["as_operator"]

OTHER = "f" * 64
FIELDS = {
    "version": "b", "to": ["gp01", "gp02", "gp03"], "canary": "1", "batch": "0", "pause": "0", "on_failure": "stop",
}  # fmt: skip


@pytest.fixture
def apart(three: list[Machine]) -> list[Machine]:
    """Three machines, of which the second has another build of b."""
    other(three[1])
    return three


def other(machine: Machine) -> None:
    Version.objects.filter(machine=machine, name="b").update(manifest_digest=OTHER)


def test_another_build_of_that_name_is_refused_with_its_machine(apart: list[Machine]) -> None:
    with pytest.raises(Refused, match=r"not the same build .*: 00000000 on gp01, gp03; ffffffff on gp02\. .*any-build"):
        deploy(apart)
    assert not Rollout.objects.exists()
    asked = deploy([apart[0], apart[2]])
    assert {one.manifest for one in asked.targets.all()} == {"0" * 64}


def test_it_can_be_asked_for(apart: list[Machine]) -> None:
    asked = deploy(apart, any_build=True)
    assert [one.manifest[0] for one in asked.targets.order_by("order")] == ["0", "f", "0"]
    for name in ("gp01", "gp02", "gp03"):
        end(of(name))
    assert states(asked) == "succeeded succeeded succeeded succeeded"
    assert rollouts.document(asked)["machines"][1]["manifest"] == OTHER


def test_a_version_of_that_name_that_was_removed_does_not_count(apart: list[Machine]) -> None:
    gone = Version.objects.create(
        machine=apart[0], name="b", uuid=apart[1].versions.first().uuid, generation=9, files=1, bytes=1,  # type: ignore[union-attr]
        unique_bytes=1, manifest_digest=OTHER, sealed_at=apart[0].created_at, removed_at=apart[0].created_at,
    )  # fmt: skip
    assert deploy([apart[0], apart[2]]).state == "running"
    assert gone.manifest_digest == OTHER


def test_one_that_was_built_anew_meanwhile_is_not_what_was_asked_for(three: list[Machine]) -> None:
    asked = deploy(three)
    other(three[2])
    end(of("gp01"))
    end(of("gp02"))
    assert states(asked) == "stopped succeeded succeeded failed"
    assert "gp03: “b” of gp03 is another build by now, ffffffff; 00000000 was asked for" in asked.message


def test_the_form_tells_it_and_takes_it_when_ticked(as_operator: Client, apart: list[Machine]) -> None:
    page = as_operator.get("/rollout-add/?version=b").content.decode()
    assert "b is not the same build everywhere" in page
    assert '<span class="name">ffffffff</span> on gp02' in page
    assert "build ffffffff" in page
    refused = as_operator.post("/rollout-add/", FIELDS)
    assert refused.status_code == 409
    assert "not the same build on all of these machines" in refused.content.decode()
    assert as_operator.post("/rollout-add/", {**FIELDS, "any_build": "on"}).status_code == 302


def test_the_form_is_silent_where_all_have_the_same(as_operator: Client, three: list[Machine]) -> None:
    page = as_operator.get("/rollout-add/?version=b").content.decode()
    assert "any_build" not in page
    assert "same build" not in page
