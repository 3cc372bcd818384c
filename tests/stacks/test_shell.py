"""The command that an operation's page shows asks for the very same when it is typed."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from django.core.management import load_command_class
from django.db import transaction

from stacks import operations
from stacks.management.changing import ChangingVerb
from stacks.models import Machine, Operation, RecipeRevision
from stacks.operations import Choices
from stacks.shell import command
from tests.stacks.conftest import Seal, activate
from tests.stacks.test_requests import make_active

pytestmark = pytest.mark.django_db
NOBODY: dict[str, Any] = {"requested_by": None}
UNSAFE = 'it\'s $(rm -rf /); "quoted"\nand more'


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


def typed(line: str) -> Operation:
    """Submit what a command line asks for, and take it back."""
    program, verb, *words = shlex.split(line)
    assert program == "dlstack"
    loaded = load_command_class("stacks", verb)
    assert isinstance(loaded, ChangingVerb)
    options = vars(loaded.create_parser("dlstack", verb).parse_args(words))
    return loaded._tried(Machine.objects.get(name=options["machine"]), options)


def asks_for_the_same(machine: Machine, **asked: Any) -> None:
    for kind, values in asked.items():
        with transaction.atomic():
            operation = getattr(operations, kind)(machine=machine, **NOBODY, **values)
            line = command(operation)
            transaction.set_rollback(True)
        again = typed(line)
        assert (again.kind, again.parameters, again.reason) == (operation.kind, operation.parameters, operation.reason)


def test_builds(machine: Machine, recipe: RecipeRevision, sealed: Seal) -> None:
    sealed("a")
    full = {"options": ["extensions"], "kernel_dir": machine.root, "deploy": True}
    asks_for_the_same(machine, build={"recipe_name": "starter", "name": "new", "reason": UNSAFE, **full})
    asks_for_the_same(machine, build={"recipe_name": "starter"}, solve={"recipe_name": "starter"})


def test_live_changes(machine: Machine, sealed: Seal) -> None:
    for name in ("a", "b"):
        activate(sealed(name))
    make_active(machine, "b")
    choices = Choices(externals="sealed", override_health=True, pause=True)
    asks_for_the_same(machine, deploy={"version": "a", "reason": "--odd", "choices": choices})
    asks_for_the_same(machine, revert={"version": "a", "mark_bad": True, "reason": UNSAFE})


def test_keeping(machine: Machine, sealed: Seal) -> None:
    for name in ("a", "b", "c"):
        activate(sealed(name))
    make_active(machine, "c")
    asks_for_the_same(machine, verify={"version": "a", "full": True}, remove={"version": "a"}, prune={"keep_newest": 1})


def test_what_no_verb_asks_for_shows_none(machine: Machine) -> None:
    assert command(Operation(machine=machine, kind="configure", parameters={"services": []})) == ""
