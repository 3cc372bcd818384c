"""Recipes: adding revisions, importing files, and those that DLStack ships."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from access import audit
from access.models import AuditEntry
from stacks.engine import condafile
from stacks.engine.errors import Refused
from stacks.engine.recipe import Recipe as Parsed
from stacks.engine.recipe import parse
from stacks.models import Recipe, RecipeRevision

SHIPPED = Path(__file__).resolve().parent.parent / "recipes"
SHIPPED_NOTE = "Shipped with DLStack"
LARGEST = 1024 * 1024  # bytes of one recipe
T = TypeVar("T")
_YAML = re.compile(r"^dependencies:\s*$", re.MULTILINE)


class Overtaken(Refused):
    """Somebody added a revision meanwhile: `latest` is theirs."""

    def __init__(self, latest: RecipeRevision, after: int) -> None:
        who = latest.created_by or "the command line"
        super().__init__(
            f"{latest} was added by {who} since you began with r{after}. Nothing was saved: read what it changed."
        )
        self.latest = latest


def add_revision(
    *, text: str, note: str = "", created_by: User | None = None, after: int | None = None
) -> RecipeRevision:
    """Add a revision to the recipe that the text names, which is made if need be; the same text adds nothing.

    Raises Refused when the text is not a recipe, Overtaken when the latest revision is not the number `after`.
    """
    parsed = understand(text)
    with transaction.atomic():
        recipe = _recipe(parsed)
        latest = recipe.revisions.order_by("-number").first()
        if latest is not None and latest.text == text:
            return latest
        if after is not None and latest is not None and latest.number != after:
            raise Overtaken(latest, after)
        number = (recipe.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
        revision = recipe.revisions.create(number=number, text=text, note=note, created_by=created_by)
        said = f"Recipe {revision} was added{f': {note}' if note else '.'}"
        before = str(latest) if latest else ""
        audit.record(AuditEntry.Kind.RECIPE, said, by=created_by, old=before, new=str(revision))
        return revision


def import_file(path: Path, *, by: User | None = None) -> RecipeRevision:
    """Add a revision from a TOML file or a conda environment.yml; raises Refused for what cannot be read so."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
    return add_revision(text=read(path.name, data), note=f"Imported from {path.name}", created_by=by)


def read(name: str, data: bytes) -> str:
    """Give the text of the recipe that a file holds: TOML, or a conda environment.yml by its name or its look.

    Raises Refused that names the line and what is allowed.
    """
    shown = name or "The text"
    if len(data) > LARGEST:
        raise Refused(f"{shown} is too large for a recipe: {LARGEST:,} bytes at most.")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Refused(f"{shown} is not UTF-8 text.") from None
    if name.endswith((".yml", ".yaml")) or (not name and _YAML.search(text)):
        return _understood(condafile.convert, text, shown)
    understand(text, shown)
    return text


def understand(text: str, shown: str = "The text") -> Parsed:
    """Read a recipe that somebody typed; raises Refused whatever is wrong with it."""
    return _understood(partial(parse, allowed=settings.DLSTACK.terms.sources), text, shown)


def _understood(reader: Callable[[str], T], text: str, shown: str) -> T:
    try:
        return reader(text)
    except (ValueError, RecursionError) as error:  # dates that do not exist, endless numbers, nesting without end
        raise Refused(f"{shown} cannot be read: {str(error)[:200] or type(error).__name__}.") from None


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
    recipe = Recipe.objects.select_for_update(no_key=True).get(name=parsed.name)
    if recipe.description != parsed.description:
        recipe.description = parsed.description
        recipe.save(update_fields=["description"])
    return recipe
