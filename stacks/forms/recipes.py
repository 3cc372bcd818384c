"""The form that adds a recipe, or a revision of one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from stacks import recipes
from stacks.engine.errors import Refused
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
