"""Recipes: listed, shown, added from a file or a text."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from stacks.models import Machine, Operation, Recipe, RecipeRevision

LIST, ADD = "/recipes/", "/recipe-import/"
YML = "name: sky\ndependencies:\n  - python=3.11\n  - numpy\n"


def toml(name: str = "mine") -> str:
    return f'name = "{name}"\ndescription = "<b>bold</b>"\n\n[[environments]]\npath = "e"\ninstaller = "venv"\n'


def test_an_empty_list_says_what_to_do(as_admin: Client) -> None:
    page = as_admin.get(LIST).content.decode()
    assert "No recipe yet" in page
    assert ADD in page


def test_a_text_becomes_a_recipe_and_then_its_next_revision(as_admin: Client) -> None:
    assert as_admin.post(ADD, {"text": toml(), "note": "first"}).headers["Location"] == "/recipes/mine/"
    as_admin.post(ADD, {"text": toml() + "\n# more\n", "note": "second"})
    assert Recipe.objects.get().revisions.count() == 2
    page = as_admin.get("/recipes/mine/").content.decode()
    assert "# more" in page
    assert "second" in page
    assert "<b>bold" not in page
    assert "# more" not in as_admin.get("/recipes/mine/?revision=1").content.decode()
    assert "mine" in as_admin.get(LIST).content.decode()


def test_a_recipe_leads_to_its_build(as_admin: Client, machine: Machine) -> None:
    as_admin.post(ADD, {"text": toml() + '\n[options.dev]\ntitle = "Dev"\nadd = { e = ["x"] }\n'})
    assert 'name="build"' in as_admin.get("/recipes/mine/").content.decode()
    asked = {"machine": "local", "options": "dev", "build": "yes"}
    answer = as_admin.post("/recipes/mine/solve/", asked)
    assert answer.headers["Location"] == "/machines/local/build/?recipe=mine&options=dev"
    assert not Operation.objects.exists()
    assert 'value="dev" checked' in as_admin.get(answer.headers["Location"]).content.decode()


@pytest.mark.parametrize("name", ["environment.yml", ""])
def test_a_conda_file_is_converted(as_admin: Client, name: str) -> None:
    file = SimpleUploadedFile(name, YML.encode()) if name else None
    answer = as_admin.post(ADD, {"file": file} if file else {"text": YML})
    assert answer.headers["Location"] == "/recipes/sky/"
    assert 'installer = "conda"' in RecipeRevision.objects.get().text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Choose a file or paste a recipe"),
        ({"text": "rubbish"}, "not valid TOML"),
        ({"text": toml().replace("venv", "magic")}, "line 6: “installer” is “magic”; allowed is"),
        ({"text": "x" * 1_100_000}, "too large for a recipe"),
        ({"file": SimpleUploadedFile("a.toml", b"\xff\xfe")}, "a.toml is not UTF-8 text"),
        ({"file": SimpleUploadedFile("a.toml", b"x"), "text": "y"}, "leave one out"),
    ],
)
def test_errors_say_what_is_allowed_and_add_nothing(as_admin: Client, fields: dict[str, object], says: str) -> None:
    answer = as_admin.post(ADD, fields)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Recipe.objects.exists()


def test_outsiders(as_viewer: Client, stranger: Client, as_admin: Client) -> None:
    assert as_viewer.get(LIST).status_code == 200
    assert as_viewer.post(ADD, {"text": toml()}).status_code == 403
    assert stranger.get(LIST).status_code == stranger.post(ADD, {"text": toml()}).status_code == 302
    assert as_admin.get("/recipes/none/").status_code == 404
    assert as_admin.delete(ADD).status_code == as_admin.post(LIST).status_code == 405
    assert not Recipe.objects.exists()
