"""The confirmation of a deploy or revert."""

from __future__ import annotations

from django import forms

from stacks.operations import Choices, Externals


class SwitchForm(forms.Form):
    """The confirmation of a deploy or revert: which version was active when the page was opened, how, and why."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    externals = forms.ChoiceField(required=False, choices=[("current", "current"), ("sealed", "sealed")])
    override_health = forms.BooleanField(required=False)
    pause = forms.BooleanField(required=False)
    reason = forms.CharField(required=False, max_length=500)

    def choices(self) -> Choices:
        """Give what was chosen; call it on a valid form."""
        chosen = self.cleaned_data
        externals: Externals = "sealed" if chosen["externals"] == "sealed" else "current"
        return Choices(externals=externals, override_health=chosen["override_health"], pause=chosen["pause"])
