"""The way to a first active version: one next step at a time."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from stacks import recipes
from stacks.models import Machine
from tests.stacks.conftest import Seal, activate

SEALED = {"name": "a", "sealed": True}


def next_step(client: Client, address: str) -> tuple[str, str]:
    page = client.get(address).content.decode()
    found = re.search(r'id="next-step" href="([^"]+)">([^<]+)<', page)
    return (found[1], found[2]) if found else ("", "")


@pytest.mark.parametrize(
    ("observed", "recipe", "step"),
    [
        ({}, False, ("/machines/gp12/do/provision/", "Provision…")),
        ({"ramdisk": {"is_tmpfs": True}}, False, ("/recipe-import/", "Add a recipe")),
        ({"ramdisk": {"is_tmpfs": True}}, True, ("/machines/gp12/build/", "Build the first version")),
        ({"ramdisk": {"is_tmpfs": True}, "versions": [SEALED]}, True, ("/machines/gp12/deploy/a/", "Deploy a…")),
    ],
)
def test_the_next_step_is_the_button(
    as_admin: Client, elsewhere: Machine, observed: dict[str, object], recipe: bool, step: tuple[str, str]
) -> None:
    elsewhere.observed, elsewhere.observed_at = {"active": None, **observed}, elsewhere.created_at
    elsewhere.save()
    if recipe:
        recipes.import_shipped()
    assert next_step(as_admin, "/machines/gp12/") == next_step(as_admin, "/") == step


def test_what_is_done_says_what_there_is(as_admin: Client, machine: Machine) -> None:
    recipes.import_shipped()
    page = as_admin.get("/").content.decode()
    assert "datalab, dlstack-install, starter" in page
    assert 'href="/recipe-import/">Add your own<' in page


def test_a_machine_that_was_never_seen_is_the_first_step(as_admin: Client, elsewhere: Machine) -> None:
    page = as_admin.get("/machines/gp12/").content.decode()
    assert "type make run" in page
    assert "next-step" not in page


def test_without_machines_the_way_is_shown(as_admin: Client) -> None:
    assert "First steps" in as_admin.get("/").content.decode()


def test_who_has_got_there_is_left_alone(as_admin: Client, machine: Machine, elsewhere: Machine, sealed: Seal) -> None:
    activate(sealed("a"))
    assert "First steps" not in as_admin.get("/").content.decode()
    assert "First steps" not in as_admin.get("/machines/local/").content.decode()
    assert "First steps" in as_admin.get("/machines/gp12/").content.decode()


def test_a_viewer_sees_the_way_without_buttons(as_viewer: Client, machine: Machine) -> None:
    page = as_viewer.get("/machines/local/").content.decode()
    assert "First steps" in page
    assert "next-step" not in page
