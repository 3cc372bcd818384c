"""A machine's settings."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from stacks.engine import services
from stacks.engine.errors import Refused
from stacks.models import Machine

EVERY = ((0, "never"), (1, "every hour"), (6, "every 6 hours"), (24, "every day"), (168, "every week"))


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """How builds see their tree, how often drift is backed up, and which services are paused.

    A service is a line with the name of a systemd unit, or a JSON object with name, status, stop and start.
    """

    copy_limit = forms.IntegerField(
        required=False, min_value=0, max_value=100_000_000, label="KiB a second at most, when it copies versions"
    )
    backup_every = forms.TypedChoiceField(coerce=int, choices=EVERY, label="Keep what users changed")
    services = forms.CharField(required=False, widget=forms.Textarea, label="Services to pause")

    class Meta:
        model = Machine
        fields = ("strategy", "backup_every", "public_releases", "address", "copy_limit")
        labels = {"public_releases": "Release notes are public", "address": "Address for copies"}
        help_texts = {
            "public_releases": "Anybody may read what changed in the packages and kernels, without signing in."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = self.instance.backup_every
        if every not in dict(EVERY):
            self.fields["backup_every"].choices = [*EVERY, (every, f"every {every} hours")]  # type: ignore[attr-defined]
        known = self.instance.observed.get("services", [])
        self.fields["services"].initial = "\n".join(map(_as_line, known))

    def clean_copy_limit(self) -> int:
        """Nothing is no bound; a form without the field leaves it as it is."""
        return int(self.cleaned_data["copy_limit"] or 0) if "copy_limit" in self.data else self.instance.copy_limit

    def clean_address(self) -> str:
        """Nothing is nowhere; a form without the field leaves it as it is."""
        return str(self.cleaned_data["address"]) if "address" in self.data else self.instance.address

    def clean_services(self) -> list[dict[str, Any]]:
        """Read each line; an error names it."""
        lines = [line.strip() for line in self.cleaned_data["services"].splitlines() if line.strip()]
        try:
            asked = [_read(line) for line in lines]
            services.parse(asked)
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return asked

    @property
    def changes_services(self) -> bool:
        """Tell whether the services differ from those that the machine has."""
        return bool(self.cleaned_data["services"] != self.instance.observed.get("services", []))


def _as_line(service: dict[str, Any]) -> str:
    return str(service["unit"]) if set(service) == {"unit"} else json.dumps(service)


def _read(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {"unit": line}
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused(f"“{line[:60]}” is no JSON object: {error}") from None
