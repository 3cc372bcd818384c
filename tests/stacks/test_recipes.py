"""Recipes: revisions that are added and never changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User

from stacks import recipes
from stacks.engine.errors import Refused
from stacks.models import Recipe, RecipeRevision

pytestmark = pytest.mark.django_db
TEXT = """
name = "mine"
description = "{0}"
[[environments]]
path = "anaconda3"
installer = "venv"
packages = ["numpy"]
"""


def test_revisions_are_numbered(operator: User) -> None:
    first = recipes.add_revision(text=TEXT.format("one"), note="first", created_by=operator)
    second = recipes.add_revision(text=TEXT.format("two"))
    assert (first.number, first.note, first.created_by, second.number) == (1, "first", operator, 2)
    assert Recipe.objects.get().description == "two"


def test_the_same_text_adds_nothing() -> None:
    assert recipes.add_revision(text=TEXT) == recipes.add_revision(text=TEXT)


def test_bad_text_is_refused_and_adds_nothing() -> None:
    with pytest.raises(Refused, match="not valid TOML"):
        recipes.add_revision(text="name =")
    assert not Recipe.objects.exists()


def test_a_revision_cannot_be_edited() -> None:
    revision = recipes.add_revision(text=TEXT)
    revision.text = "other"
    with pytest.raises(TypeError, match="never edited"):
        revision.save()


def test_import_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TEXT)
    assert recipes.import_file(file).note == "Imported from mine.toml"


def test_import_conda_environment(tmp_path: Path) -> None:
    file = tmp_path / "environment.yml"
    file.write_text("name: lab\ndependencies: [python=3.11, xarray]\n")
    revision = recipes.import_file(file)
    assert (revision.recipe.name, 'installer = "conda"' in revision.text) == ("lab", True)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "cannot be read: No such file"), (b"\xff", "not UTF-8"), (b"#" * 2**21, "too large")]
)
def test_import_refuses(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Refused, match=why):
        recipes.import_file(file)


def test_what_is_shipped_can_be_imported_again_and_again() -> None:
    first = recipes.import_shipped()
    assert [revision.recipe.name for revision in first] == sorted(path.stem for path in recipes.SHIPPED.glob("*.toml"))
    assert recipes.import_shipped() == first
    assert RecipeRevision.objects.count() == len(first)


def test_a_newer_shipped_recipe_is_a_revision(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TEXT.format("one"))
    recipes.import_shipped(tmp_path)
    (tmp_path / "mine.toml").write_text(TEXT.format("two"))
    assert [revision.number for revision in recipes.import_shipped(tmp_path)] == [2]


def test_a_recipe_that_was_edited_here_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TEXT.format("one"))
    recipes.import_shipped(tmp_path)
    edited = recipes.add_revision(text=TEXT.format("edited"))
    (tmp_path / "mine.toml").write_text(TEXT.format("two"))
    assert recipes.import_shipped(tmp_path) == [edited]
