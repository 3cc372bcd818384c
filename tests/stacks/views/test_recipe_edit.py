"""Editing a recipe: checked while typed, saved as a new revision, never over somebody else's."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from stacks import recipes
from stacks.models import Machine, Operation, Recipe, RecipeRevision
from tests.conftest import People

EDIT, CHECK = "/recipes/starter/edit/", "/recipe-check/"


@pytest.fixture
def text(recipe: RecipeRevision) -> str:
    return recipe.text


def test_saving_adds_a_revision_with_its_note(as_admin: Client, text: str) -> None:
    assert 'name="after" value="1"' in as_admin.get(EDIT).content.decode()
    answer = as_admin.post(EDIT, {"text": text.replace("numpy", "scipy"), "note": "scipy", "after": 1})
    assert answer.headers["Location"] == "/recipes/starter/"
    latest = RecipeRevision.objects.get(number=2)
    assert (latest.note, str(latest.created_by)) == ("scipy", "admin")
    page = as_admin.get("/recipes/starter/").content.decode()
    assert "r2 compared with r1" in page
    assert 'is-added"' in page


def test_nothing_is_written_over_a_newer_revision(as_admin: Client, text: str, admin: User) -> None:
    recipes.add_revision(text=text + "# theirs\n", note="Why", created_by=admin)
    asked = {"text": text + "# mine\n", "after": "1"}
    answer = as_admin.post(EDIT, asked)
    page = answer.content.decode()
    assert answer.status_code == 422
    for told in ("starter r2 was added by admin since you began with r1", "“Why”", "# theirs", "# mine"):
        assert told in page
    assert Recipe.objects.get().revisions.count() == 2
    assert as_admin.post(EDIT, {**asked, "read": "2"}).status_code == 302
    assert RecipeRevision.objects.get(number=3).text == text + "# mine\n"


def test_what_was_read_must_be_the_latest(as_admin: Client, text: str) -> None:
    for number in (2, 3):
        recipes.add_revision(text=f"{text}# {number}\n")
    assert as_admin.post(EDIT, {"text": text + "# mine\n", "after": "1", "read": "2"}).status_code == 422
    assert Recipe.objects.get().revisions.count() == 3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"venv"', '"magic"', "line 6: “installer” is “magic”"),
        ('"starter"', '"other"', "The text is named “other”, this recipe “starter”"),
        ("name", "", "not valid TOML"),
        ('"starter"', "2026-99-99", "not valid TOML"),
        ('"starter"', "9" * 5000, "cannot be read"),
        ('"starter"', "[" * 5000, "cannot be read"),
    ],
)
def test_what_is_no_text_of_this_recipe_is_not_saved(
    as_admin: Client, text: str, old: str, new: str, says: str
) -> None:
    answer = as_admin.post(EDIT, {"text": text.replace(old, new, 1), "after": "1"})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert RecipeRevision.objects.count() == 1


@pytest.mark.parametrize("after", ["", "x", "-1"])
def test_a_form_without_its_revision_is_refused(as_admin: Client, text: str, after: str) -> None:
    answer = as_admin.post(EDIT, {"text": text + "# more\n", "after": after})
    assert answer.status_code == 422
    assert "open the page again" in answer.content.decode()
    assert RecipeRevision.objects.count() == 1


def test_an_error_is_told_at_its_line_while_typing(as_admin: Client, text: str) -> None:
    page = as_admin.post(CHECK, {"text": text.replace('"venv"', '"<b>"')}).content.decode()
    assert "codeerror" in page
    assert "line 6" in page
    assert "<b>" not in page
    assert "A recipe: 1 environment, 1 option." in as_admin.post(CHECK, {"text": text}).content.decode()


def test_a_conda_file_is_shown_as_the_recipe_that_it_becomes(as_admin: Client, people: People) -> None:
    file = {"text": "name: sky\ndependencies:\n  - numpy\n"}
    assert "not valid TOML" in as_admin.post(CHECK, file).content.decode()
    page = as_admin.post(CHECK, {**file, "convert": "yes"}).content.decode()
    assert "A recipe: 1 environment, 0 options." in page
    assert "conda" in page
    assert "not valid TOML" in as_admin.post(CHECK, {"text": "x:", "convert": "yes"}).content.decode()


def test_what_would_change_is_solved(as_admin: Client, elsewhere: Machine, text: str) -> None:
    asked = {"machine": "gp12", "options": ["extensions"]}
    answer = as_admin.post("/recipes/starter/solve/", asked)
    made = Operation.objects.get()
    assert answer.headers["Location"] == f"/operations/{made.pk}/"
    assert (made.kind, made.parameters["options"]) == ("solve", ["extensions"])
    assert as_admin.post("/recipes/starter/solve/", {"machine": "none"}).status_code == 404


def test_outsiders(as_viewer: Client, stranger: Client, as_admin: Client, text: str) -> None:
    for address in (EDIT, CHECK, "/recipes/starter/solve/"):
        assert as_viewer.post(address, {"text": text}).status_code == 403
        assert stranger.post(address, {"text": text}).status_code == 302
    assert as_admin.get("/recipes/none/edit/").status_code == 404
    assert as_admin.get(CHECK).status_code == as_admin.delete(EDIT).status_code == 405
    page = as_viewer.get("/recipes/starter/").content.decode()
    assert EDIT not in page
    assert 'id="solve"' not in page


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('index = "https://127.0.0.1/simple"', "leads to 127.0.0.1, which is this machine"),
        ('index = "http://packages.example.org/simple"', "is not encrypted"),
        ('find_links = ["/proc"]', "is closed to builds"),
        ('index = "https://me:secret-of-mine@packages.example.org/simple"', "put it into a secret of the machine"),
    ],
)
def test_a_place_that_builds_must_not_go_to_is_refused_at_its_line(
    as_admin: Client, text: str, line: str, says: str
) -> None:
    new = text.replace("jupyter = true", f"jupyter = true\n{line}")
    number = new.splitlines().index(line) + 1
    for answer in (as_admin.post(EDIT, {"text": new, "after": 1}), as_admin.post(CHECK, {"text": new})):
        page = answer.content.decode()
        assert f"line {number}: “{line.split(maxsplit=1)[0]}” has “" in page
        assert says in page
    assert Recipe.objects.get().revisions.count() == 1
