"""Recipes: adding revisions, importing files, and those that DLStack ships."""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from stacks.engine import condafile
from stacks.engine.errors import Refused
from stacks.engine.recipe import Recipe as Parsed
from stacks.engine.recipe import parse
from stacks.models import Recipe, RecipeRevision

SHIPPED = Path(__file__).resolve().parent.parent / "recipes"
SHIPPED_NOTE = "Shipped with DLStack"
LARGEST = 1024 * 1024  # bytes of one recipe


def add_revision(*, text: str, note: str = "", created_by: User | None = None) -> RecipeRevision:
    """Add a revision to the recipe that the text names, which is made if need be; the same text adds nothing.

    Raises Refused when the text is not a recipe.
    """
    parsed = parse(text)
    with transaction.atomic():
        recipe = _recipe(parsed)
        latest = recipe.revisions.order_by("-number").first()
        if latest is not None and latest.text == text:
            return latest
        number = (recipe.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
        return recipe.revisions.create(number=number, text=text, note=note, created_by=created_by)


def import_file(path: Path, *, by: User | None = None) -> RecipeRevision:
    """Add a revision from a TOML file or a conda environment.yml; raises Refused for what cannot be read so."""
    try:
        if path.stat().st_size > LARGEST:
            raise Refused(f"{path} is too large for a recipe: {LARGEST:,} bytes at most.")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
    if path.suffix in {".yml", ".yaml"}:
        text = condafile.convert(text)
    return add_revision(text=text, note=f"Imported from {path.name}", created_by=by)


def import_shipped(directory: Path = SHIPPED) -> list[RecipeRevision]:
    """Add what DLStack ships; a recipe that somebody edited here since is left as it is."""
    return [_import_shipped(path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.toml"))]


def _import_shipped(text: str) -> RecipeRevision:
    latest = RecipeRevision.objects.filter(recipe__name=parse(text).name).order_by("-number").first()
    if latest is not None and latest.note != SHIPPED_NOTE:
        return latest
    return add_revision(text=text, note=SHIPPED_NOTE)


def _recipe(parsed: Parsed) -> Recipe:
    """Fetch or make the row, locked, so that two revisions added at once get different numbers."""
    Recipe.objects.get_or_create(name=parsed.name)
    recipe = Recipe.objects.select_for_update().get(name=parsed.name)
    if recipe.description != parsed.description:
        recipe.description = parsed.description
        recipe.save(update_fields=["description"])
    return recipe
