from __future__ import annotations

import pytest
from django.test import Client

from stacks.models import Machine, Operation, RecipeRevision
from tests.stacks.conftest import Seal
from tests.stacks.test_estimates import built
from tests.stacks.views.conftest import Make

ADDRESS = "/machines/local/build/"
ASKED = {"recipe": "starter", "name": "a", "options": ["extensions"], "reason": "monthly"}


def test_the_form_shows_options_and_the_plan(as_operator: Client, machine: Machine, recipe: RecipeRevision) -> None:
    page = as_operator.get(ADDRESS).content.decode()
    assert "JupyterLab extensions" in page
    assert "Seal the version" in page
    assert 'value="20' in page


def test_past_builds_tell_what_it_will_take(as_operator: Client, machine: Machine, recipe: RecipeRevision) -> None:
    assert "This recipe was never built" in as_operator.get(ADDRESS).content.decode()
    built(machine, recipe, took=95, own=121_000_000)
    page = as_operator.get(ADDRESS).content.decode()
    for told in ("1 min 35 s", "121 MB", "The median of the last build of this recipe."):
        assert told in page


def test_what_was_chosen_is_kept_when_the_recipe_changes(
    as_operator: Client, machine: Machine, recipe: RecipeRevision
) -> None:
    page = as_operator.get(ADDRESS, {"recipe": "starter", "name": "mine", "options": "extensions", "deploy": "on"})
    text = page.content.decode()
    assert 'value="mine"' in text
    assert 'value="extensions" checked' in text
    assert "Then deploy it" in text


def test_it_works(as_operator: Client, machine: Machine, recipe: RecipeRevision) -> None:
    response = as_operator.post(ADDRESS, ASKED)
    made = Operation.objects.get()
    assert response.headers["Location"] == f"/operations/{made.pk}/"
    assert made.parameters["version"] == "a"
    assert made.parameters["options"] == ["extensions"]
    assert (str(made.requested_by), made.reason) == ("operator", "monthly")


def test_without_javascript_a_button_shows_the_options(
    as_operator: Client, machine: Machine, recipe: RecipeRevision
) -> None:
    page = as_operator.post(ADDRESS, {**ASKED, "name": "mine", "show": "options"})
    assert page.status_code == 200
    assert 'value="mine"' in page.content.decode()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("name", ["../x", "hdd", "tmpfs", "", "a b", "x" * 65])
def test_a_name_that_is_none_is_an_error_of_the_form(
    as_operator: Client, machine: Machine, recipe: RecipeRevision, name: str
) -> None:
    response = as_operator.post(ADDRESS, {**ASKED, "name": name})
    assert response.status_code == 422
    assert 'class="field-error"' in response.content.decode()
    assert not Operation.objects.exists()


def test_a_name_that_is_taken_is_told(
    as_operator: Client, machine: Machine, recipe: RecipeRevision, sealed: Seal
) -> None:
    sealed("a")
    response = as_operator.post(ADDRESS, ASKED)
    assert response.status_code == 422
    assert "is taken" in response.content.decode()


def test_a_busy_lane_is_told_with_who_and_since_when(
    as_operator: Client, machine: Machine, recipe: RecipeRevision, operation: Make
) -> None:
    operation("running", parameters={"version": "z"})
    page = as_operator.post(ADDRESS, ASKED).content.decode()
    assert "is busy" in page
    assert "operator" in page


def test_without_a_recipe_it_says_what_to_do(as_operator: Client, as_admin: Client, machine: Machine) -> None:
    assert "An admin can add one" in as_operator.get(ADDRESS).content.decode()
    assert "recipe-import" in as_admin.get(ADDRESS).content.decode()


def test_a_viewer_may_not(as_viewer: Client, machine: Machine, recipe: RecipeRevision) -> None:
    assert as_viewer.get(ADDRESS).status_code == 403
    response = as_viewer.post(ADDRESS, ASKED)
    assert response.status_code == 403
    assert "viewer has the role viewer; this needs the role operator" in response.content.decode()
    assert not Operation.objects.exists()


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.post(ADDRESS, ASKED).status_code == 302


def test_missing(as_operator: Client, people: object) -> None:
    assert as_operator.get("/machines/none/build/").status_code == 404
