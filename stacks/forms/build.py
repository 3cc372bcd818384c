"""The form of a build."""

from __future__ import annotations

from typing import Any

from django import forms

from stacks.engine.errors import Refused
from stacks.engine.layout import check_name
from stacks.engine.recipe import Recipe as Parsed
from stacks.engine.recipe import parse
from stacks.models import Machine, Recipe, RecipeRevision


class BuildForm(forms.Form):
    """Which recipe to build, with which options, under which name, and whether to deploy it afterwards."""

    recipe = forms.ChoiceField()
    options = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    name = forms.CharField(max_length=64, label="Name of the version", help_text="sw.NAME on disk; usually the date.")
    kernel_dir = forms.CharField(
        required=False, max_length=1000, label="Kernelspec directory", help_text="Its kernelspecs are copied in."
    )
    strategy = forms.ChoiceField(required=False, choices=Machine.Strategy, label="Strategy")
    deploy = forms.BooleanField(required=False, label="Deploy it afterwards")
    reason = forms.CharField(required=False, max_length=500, help_text="Optional; kept with the operation.")
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, proposed: str = "", strategy: str = "sandbox", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["strategy"].initial = strategy
        self.fields["recipe"].choices = [(recipe.name, recipe.name) for recipe in Recipe.objects.all()]  # type: ignore[attr-defined]
        self.fields["name"].initial = proposed
        self.revision = self._revision()
        self.parsed = self._parsed()
        options = self.parsed.options if self.parsed else {}
        self.fields["options"].choices = [(key, option.title) for key, option in options.items()]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        """Check the name by the rules of the layout."""
        try:
            return check_name(self.cleaned_data["name"])
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def chosen(self, field: str) -> Any:
        """Give a field's value as it stands, checked or not: for showing what would be built."""
        return self[field].value() or self.fields[field].initial

    @property
    def option_rows(self) -> list[dict[str, Any]]:
        """The options with their explanations, for the template."""
        chosen = self.chosen("options") or []
        options = self.parsed.options if self.parsed else {}
        return [{"key": key, "option": option, "checked": key in chosen} for key, option in options.items()]

    def parameters(self) -> dict[str, Any]:
        """Give what the build would be submitted with, as far as it is known before."""
        revision = self.revision
        known = [key for key in self.chosen("options") or [] if self.parsed and key in self.parsed.options]
        return {
            "version": self.chosen("name") or "", "generation": 0, "kernel_dir": self.chosen("kernel_dir") or "",
            "strategy": self.chosen("strategy"),
            "recipe": revision.recipe.name if revision else "", "revision": revision.number if revision else 0,
            "recipe_text": revision.text if revision else "", "options": known,
            "deploy": bool(self.chosen("deploy")),
        }  # fmt: skip

    def _revision(self) -> RecipeRevision | None:
        choices: list[tuple[str, str]] = self.fields["recipe"].choices  # type: ignore[attr-defined]
        name = self["recipe"].value() or (choices[0][0] if choices else "")
        revisions = RecipeRevision.objects.filter(recipe__name=name).select_related("recipe")
        return revisions.order_by("-number").first()

    def _parsed(self) -> Parsed | None:
        try:
            return parse(self.revision.text) if self.revision else None
        except Refused:
            return None
