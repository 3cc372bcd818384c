"""The forms that add a recipe, or a revision of one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from stacks import recipes
from stacks.engine.errors import Refused
from stacks.engine.recipe import parse
from stacks.models import RecipeRevision


class ImportForm(forms.Form):
    """A recipe as TOML, or a conda environment.yml: from a file, or pasted."""

    file = forms.FileField(required=False, max_length=200, label="File")
    text = forms.CharField(required=False, strip=False, widget=forms.Textarea, label="Or paste it here")
    note = forms.CharField(required=False, max_length=500, label="What changed")

    def clean(self) -> dict[str, Any]:
        """Read what was given; an error names the line and what is allowed."""
        cleaned = super().clean() or {}
        try:
            self.recipe = recipes.read(*self._given(cleaned))
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return cleaned

    def save(self, by: User) -> RecipeRevision:
        """Add the revision; call it on a valid form."""
        return recipes.add_revision(text=self.recipe, note=self.cleaned_data["note"], created_by=by)

    def _given(self, cleaned: dict[str, Any]) -> tuple[str, bytes]:
        file, text = cleaned.get("file"), cleaned.get("text") or ""
        if file is not None and text.strip():
            raise Refused("Both a file and a text were given: leave one out.")
        if file is not None:
            return str(file.name), file.read(recipes.LARGEST + 1)
        if not text.strip():
            raise Refused("Choose a file or paste a recipe.")
        return "", text.encode()


class EditForm(forms.Form):
    """The text of a recipe's next revision, with what changed; `after` is the revision that it was begun with.

    `read` is the newer revision that the reader has seen and wants to follow, where there is one.
    """

    text = forms.CharField(strip=False, max_length=recipes.LARGEST, widget=forms.Textarea, label="Text")
    note = forms.CharField(required=False, max_length=500, label="What changed")
    after = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    read = forms.IntegerField(required=False, min_value=1)

    def __init__(self, *args: Any, recipe: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recipe = recipe

    def clean_text(self) -> str:
        """Read the text; it must be this recipe's."""
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        try:
            name = parse(text).name
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        if name != self.recipe:
            raise forms.ValidationError(
                f"The text is named “{name}”, this recipe “{self.recipe}”: add another recipe from the list of recipes."
            )
        return text

    def save(self, by: User) -> RecipeRevision:
        """Add the revision; call it on a valid form. Raises Overtaken where a newer one was not read."""
        asked = self.cleaned_data
        return recipes.add_revision(
            text=asked["text"], note=asked["note"], created_by=by, after=asked["read"] or asked["after"]
        )
