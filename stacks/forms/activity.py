"""The filter of the activity."""

from __future__ import annotations

from typing import Any

from django import forms

from stacks import activity
from stacks.activity import Asked
from stacks.models import Machine


class ActivityFilter(forms.Form):
    """Narrows the activity; what it cannot read narrows nothing."""

    text = forms.CharField(required=False, max_length=200, label="Search")
    machine = forms.ChoiceField(required=False)
    kind = forms.ChoiceField(required=False)
    who = forms.CharField(required=False, max_length=150)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        machines = Machine.objects.values_list("name", flat=True)
        self.fields["machine"].choices = [("", "All machines"), *((name, name) for name in machines)]  # type: ignore[attr-defined]
        self.fields["kind"].choices = [("", "Any kind"), *((kind, kind) for kind in activity.kinds())]  # type: ignore[attr-defined]

    def asked(self) -> Asked:
        """Give what to narrow to."""
        self.is_valid()
        return Asked(**{name: self.cleaned_data.get(name, "") for name in self.fields})
