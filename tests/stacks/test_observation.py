"""Looking at a machine: the whole status document, and the part that a switch asks for."""

from __future__ import annotations

from pathlib import Path

from stacks import observation
from stacks.models import Machine
from tests.stacks.conftest import Seal


def test_the_outline_says_what_the_whole_document_says(machine: Machine, sealed: Seal) -> None:
    for name in "ab":
        sealed(name)
    (Path(machine.root) / "sw.c").mkdir()
    whole, outline = observation.observe(machine), observation.outline(machine)
    assert [one["sealed"] for one in outline["versions"]] == [True, True, False]
    assert outline.pop("versions") == [{key: one[key] for key in ("name", "sealed")} for one in whole["versions"]]
    assert outline == {key: whole[key] for key in ("active", "backing", "resident")}
