"""What is asked for in an incident: each with a reason, which is kept on record."""

from __future__ import annotations

from django import forms


class ReasonForm(forms.Form):
    """Asks why."""

    reason = forms.CharField(max_length=500)


class RevertForm(ReasonForm):
    """The revert of an incident: to which version, which one was active when the page was opened, and why."""

    version = forms.CharField(max_length=64, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, widget=forms.HiddenInput)


class FreezeForm(ReasonForm):
    """Freezes or unfreezes a machine, and tells which page was left for it."""

    do = forms.ChoiceField(choices=[("freeze", "freeze"), ("unfreeze", "unfreeze")])
    back = forms.ChoiceField(required=False, choices=[("incident", "incident")])
