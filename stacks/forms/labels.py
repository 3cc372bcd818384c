"""What people write on a version."""

from __future__ import annotations

from django import forms

from stacks.models import Version


class LabelForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """A version's pin, which keeps it from being removed, and a note."""

    class Meta:
        model = Version
        fields = ("pinned", "note")
