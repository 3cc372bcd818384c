"""Odd bytes in names, histories and requests are told, and stop nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.test import Client

from stacks import observation, operations
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.models import Machine, Operation
from stacks.storable import storable
from tests.engine.conftest import Make, Runner
from tests.stacks.views.conftest import as_admin, as_viewer

__all__ = ["as_admin", "as_viewer"]

pytestmark = pytest.mark.django_db
ODD = "bad\udcff\0name"


def test_every_text_of_a_value_can_be_stored() -> None:
    found = storable({ODD: [ODD, 1, None, (ODD,)]})
    assert json.dumps(found).encode()
    assert list(found) == ["bad?\N{REPLACEMENT CHARACTER}name"]
    assert storable("as it is: é 🜁") == "as it is: é 🜁"


def test_a_file_name_that_is_no_text_is_shown(machine: Machine, version: Make, owner: Owner, as_viewer: Client) -> None:
    version("a", {f"lib/m{number}": "" for number in range(50)})
    layout = Layout(Path(machine.root))
    Runner(layout, owner).run("deploy", version="a")
    (Path(os.fsdecode(os.fsencode(layout.resident("a")))) / os.fsdecode(b"bad\xff.py")).touch()
    observation.refresh(machine)
    page = as_viewer.get("/machines/local/drift/")
    assert page.status_code == 200
    assert "bad?.py" in page.content.decode()


def test_an_odd_reason_in_the_journal_is_imported(machine: Machine, layout: Layout) -> None:
    entry = {
        "operation": "engine:1",
        "kind": "verify",
        "outcome": "succeeded",
        "reason": "d\udce9j\u00e0\0",
        "ended": 5,
    }
    (layout.state / "history.jsonl").write_text(json.dumps(entry) + "\n")
    observation.refresh(machine)
    assert Operation.objects.get().reason == "d?jà\N{REPLACEMENT CHARACTER}"


def test_parameters_are_stored_as_text(machine: Machine) -> None:
    made = operations.submit(machine=machine, kind="verify", parameters={"version": ODD}, reason=ODD)
    assert "\0" not in made.parameters["version"] + made.reason


@pytest.mark.parametrize("address", ["/machines/a%00b/", "/recipes/%00/", "/machines/%00/kernels/"])
def test_a_zero_in_an_address_is_not_found(as_viewer: Client, address: str) -> None:
    assert as_viewer.get(address).status_code == 404


def test_a_zero_in_a_field_is_refused(as_admin: Client, machine: Machine) -> None:
    assert as_admin.post("/machines/local/solve/", {"recipe": "a\0"}).status_code == 400
    assert as_admin.get("/operations/", {"who": "\0"}).status_code == 400


UNREADABLE = {
    "a day that is none": "name: 2020-13-45\ndependencies:\n",
    "an endless number": f"a = {'9' * 5000}",
    "endless nesting": "a = " + "[" * 5000,
    "endless nesting in YAML": f"dependencies:\n  - {'[' * 3000}",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_recipe_that_cannot_be_read_is_a_form_error(as_admin: Client, text: str) -> None:
    assert as_admin.post("/recipe-import/", {"text": text}).status_code == 422
