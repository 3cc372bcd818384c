"""On which machines a version is rolled out and at what pace, and which machines go back."""

from __future__ import annotations

from typing import Any

from django import forms

from stacks.models import Machine, Rollout
from stacks.rollouts import Pace
from stacks.rollouts.asking import LONGEST_PAUSE, MOST
from stacks.rollouts.builds import SHORT, apart
from stacks.rollouts.ways import Way

FIRST = (("", "the first by name"),)
WHAT_THEN = (
    (Rollout.OnFailure.STOP, "Stop: leave all as it is"),
    (Rollout.OnFailure.REVERT, "Stop, and revert the machines that were changed"),
)


class _Machines(forms.Form):
    to = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Machines")

    def __init__(self, *args: Any, ways: list[Way], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ways = ways
        self.names = [way.machine.name for way in ways if way.to]
        # Those that lead nowhere too: a page may be older than what they do now, which is then told.
        self.fields["to"].choices = [(way.machine.name,) * 2 for way in ways]  # type: ignore[attr-defined]

    @property
    def ticked(self) -> list[str]:
        """The machines that are ticked when the page is shown: all, before anybody chose."""
        return list(self["to"].value() or []) if self.is_bound else self.names

    @property
    def machines(self) -> list[Machine]:
        """The machines that were chosen, by name."""
        return list(Machine.objects.filter(name__in=self.cleaned_data["to"]).order_by("name"))


class RolloutForm(_Machines):
    """A deploy on many machines."""

    first = forms.ChoiceField(required=False, label="Begin with")
    canary = forms.IntegerField(
        min_value=0, max_value=MOST, initial=1, label="Canaries", help_text="So many machines come first, alone."
    )
    batch = forms.IntegerField(
        min_value=0, max_value=MOST, initial=0, label="Then at a time", help_text="0 for all that remain."
    )
    pause = forms.IntegerField(
        min_value=0, max_value=LONGEST_PAUSE, initial=0, label="Pause between batches", help_text="In seconds."
    )
    on_failure = forms.ChoiceField(choices=WHAT_THEN, label="When a machine fails")
    any_build = forms.BooleanField(required=False, label="Each machine may take its own build of that name")
    reason = forms.CharField(required=False, max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first"].choices = [*FIRST, *((name, name) for name in self.names)]  # type: ignore[attr-defined]

    @property
    def machines(self) -> list[Machine]:
        """The machines that were chosen, the one to begin with first, then by name."""
        return sorted(super().machines, key=lambda machine: machine.name != self.cleaned_data["first"])

    @property
    def builds(self) -> dict[str, list[str]]:
        """The machines by the build of that name that they have, where there is more than one build of it."""
        found = apart((way.machine.name, way.digest[:SHORT]) for way in self.ways if way.to)
        return found if len(found) > 1 else {}

    @property
    def pace(self) -> Pace:
        """How many at a time, and how far apart."""
        asked = self.cleaned_data
        return Pace(asked["canary"], asked["batch"], asked["pause"])


class RevertAllForm(_Machines):
    """The revert of many machines: `seen` holds, for each, what was active and to what it leads when it was shown."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(max_length=500)

    @property
    def now(self) -> str:
        """What is active and to what it leads, of all machines, to be sent back."""
        return "|".join(way.key for way in self.ways)

    @property
    def is_stale(self) -> bool:
        """Tell whether one of the chosen machines is not as it was shown."""
        seen, chosen = set(self.cleaned_data["seen"].split("|")), set(self.cleaned_data["to"])
        return any(way.key not in seen for way in self.ways if way.machine.name in chosen)
