"""To which machines a version is copied, and from which."""

from __future__ import annotations

from typing import Any

from django import forms

from stacks.models import Machine, Version

ANY = (("", "any that has it and is free"),)


class CopyForm(forms.Form):
    """The machines that fetch a version: those with the same live path that have it not."""

    to = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Machines that fetch it")
    source = forms.ChoiceField(required=False, label="From")
    limit = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=100_000_000,
        label="KiB a second at most",
        help_text="0 for no bound; empty: what each machine’s settings say.",
    )
    reason = forms.CharField(required=False, max_length=500)

    def __init__(self, *args: Any, version: Version, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Version.objects.filter(manifest_digest=version.manifest_digest, removed_at=None, name=version.name)
        having = set(rows.values_list("machine__name", flat=True)) | {version.machine.name}
        names = Machine.objects.filter(root=version.machine.root).values_list("name", flat=True)
        self.targets = [name for name in names if name not in having]
        self.fields["to"].choices = [(name, name) for name in self.targets]  # type: ignore[attr-defined]
        self.fields["source"].choices = [*ANY, *((name, name) for name in sorted(having))]  # type: ignore[attr-defined]

    @property
    def machines(self) -> list[Machine]:
        """The machines that were chosen."""
        return list(Machine.objects.filter(name__in=self.cleaned_data["to"]))

    @property
    def giver(self) -> Machine | None:
        """The machine that gives it, None for any."""
        return Machine.objects.filter(name=self.cleaned_data["source"]).first()
