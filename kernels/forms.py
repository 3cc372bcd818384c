"""The forms about kernels: what is asked for, checked as far as a form can; the rest is refused by the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from kernels.matrix import ONLY, STATES, Asked
from kernels.models import Depth
from stacks.engine.errors import Refused
from stacks.engine.kernels import library
from stacks.engine.kernels.findings import Finding
from stacks.engine.kernels.spec import LARGEST, check_name
from stacks.models import Machine


class MatrixFilter(forms.Form):
    """Narrows the matrix; what it cannot read narrows nothing."""

    machine = forms.ChoiceField(required=False)
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *((state, state) for state in STATES)])
    language = forms.CharField(required=False, max_length=60)
    only = forms.ChoiceField(required=False, label="Only", choices=[("", "All kernels"), *ONLY.items()])
    versions = forms.CharField(required=False, max_length=1000, label="Further versions")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.machines = list(Machine.objects.values_list("name", flat=True))
        choices = [("", "All machines"), *((name, name) for name in self.machines)]
        self.fields["machine"].choices = choices  # type: ignore[attr-defined]

    def asked(self) -> Asked:
        """Give what the matrix is asked for."""
        self.is_valid()
        found = self.cleaned_data
        return Asked(
            machines=[found["machine"]] if found.get("machine") else [],
            versions=found.get("versions", "").replace(",", " ").split()[:20],
            state=found.get("state", ""),
            language=found.get("language", "").lower(),
            only=found.get("only", ""),
        )


class SpecForm(forms.Form):
    """A kernel.json with its name, and the digest of what it was made from ("" for a new one)."""

    name = forms.CharField(max_length=100)
    text = forms.CharField(strip=False, label="kernel.json")
    expected = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean_name(self) -> str:
        """Check the name, so that no path ever comes of it."""
        try:
            return check_name(self.cleaned_data["name"])
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_text(self) -> str:
        """Check the content; what a browser makes of line ends is undone."""
        text = str(self.cleaned_data["text"]).replace("\r\n", "\n")
        wrong = [finding.message for finding in library.check(text) if finding.severity == "error"]
        if wrong:
            raise forms.ValidationError(wrong)
        return text

    @property
    def findings(self) -> list[Finding]:
        """All that there is to say of the content as it stands."""
        return library.check(str(self["text"].value() or "").replace("\r\n", "\n")[: LARGEST + 1])


class CheckForm(forms.Form):
    """Which kernels of which version (none: what is live) are to be checked, and how deep."""

    version = forms.CharField(required=False, max_length=70)
    depth = forms.ChoiceField(choices=Depth.choices)
    kernel = forms.CharField(required=False, max_length=255)


class PublishForm(forms.Form):
    """An environment that is published to all users, and how they will see it."""

    environment = forms.ChoiceField(help_text="The environment whose kernel users will get.")
    kernel = forms.CharField(max_length=100, label="Name", help_text="Of the kernelspec’s directory.")
    display_name = forms.CharField(max_length=200, label="Shown to users as")
    language = forms.CharField(max_length=60, initial="python")
    reason = forms.CharField(required=False, max_length=500)
    expected = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, environments: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["environment"].choices = [(name, name) for name in environments]  # type: ignore[attr-defined]

    def clean_kernel(self) -> str:
        """Check the name."""
        try:
            return check_name(self.cleaned_data["kernel"])
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class ConfirmForm(forms.Form):
    """The confirmation of a change, with the reason."""

    reason = forms.CharField(required=False, max_length=500)
    expected = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
