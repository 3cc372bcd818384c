"""Asking what a build would change."""

from __future__ import annotations

from django.test import Client

from stacks.models import Machine, Operation, RecipeRevision
from tests.stacks.views.conftest import Make

ADDRESS = "/machines/local/solve/"


def test_it_works(as_operator: Client, machine: Machine, recipe: RecipeRevision) -> None:
    answer = as_operator.post(ADDRESS, {"recipe": "starter", "options": ["extensions"], "name": "ignored"})
    made = Operation.objects.get()
    assert (answer.status_code, made.kind, made.lane) == (302, "solve", "build")
    assert made.parameters == {
        "recipe": "starter", "revision": 1, "recipe_text": recipe.text, "options": ["extensions"],
    }  # fmt: skip


def test_the_operation_shows_what_would_change(as_operator: Client, operation: Make) -> None:
    change = {"added": {"astropy": "8.0"}, "removed": {"six": "1.0"}, "changed": {"numpy": ["1.0", "2.0<"]}}
    asked = {"recipe": "starter", "options": ["extensions"]}
    made = operation("succeeded", "solve", parameters=asked, outcome={"against": "a", "changes": {"env": change}})
    page = as_operator.get(f"/operations/{made.pk}/").content.decode()
    for word in ("astropy", "six", "numpy", "2.0&lt;", "?recipe=starter&amp;options=extensions"):
        assert word in page
    assert 'Solve <span class="name">starter</span>' in page


def test_refusals(as_operator: Client, as_viewer: Client, stranger: Client, machine: Machine) -> None:
    assert as_operator.post(ADDRESS, {"recipe": "nosuch"}).status_code == 409
    assert as_operator.post("/machines/none/solve/").status_code == 404
    assert as_operator.get(ADDRESS).status_code == 405
    assert as_viewer.post(ADDRESS).status_code == 403
    assert stranger.post(ADDRESS).status_code == 302
    assert not Operation.objects.exists()
