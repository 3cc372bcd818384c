"""The filter of the list of operations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from stacks.models import Machine, Operation


class OperationFilter(forms.Form):
    """Narrows the list of operations; what it cannot read narrows nothing."""

    machine = forms.ChoiceField(required=False)
    kind = forms.ChoiceField(required=False, choices=[("", "Any kind"), *Operation.Kind.choices])
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *Operation.State.choices])
    who = forms.CharField(required=False, max_length=150)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = Machine.objects.values_list("name", flat=True)
        self.fields["machine"].choices = [("", "All machines"), *((name, name) for name in names)]  # type: ignore[attr-defined]

    def narrow(self, operations: QuerySet[Operation]) -> QuerySet[Operation]:
        """Give the operations that pass."""
        self.is_valid()
        for field, lookup in (("machine", "machine__name"), ("kind", "kind"), ("state", "state")):
            if value := self.cleaned_data.get(field):
                operations = operations.filter(**{lookup: value})
        who = self.cleaned_data.get("who")
        return operations.filter(requested_by__username__icontains=who) if who else operations
