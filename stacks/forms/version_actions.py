"""What may be asked for one version."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from stacks import operations
from stacks.forms.asking import ActionForm
from stacks.models import Operation
from stacks.plans.base import Plan


class Verify(ActionForm):
    """Compare a version with its manifest."""

    kind = "verify"
    title = "Verify {version}?"
    button = "Verify"
    explains = "Compares its copies, on disk and in the ramdisk, with its manifest. Nothing is changed."
    full = forms.BooleanField(
        required=False,
        label="Read every file",
        help_text="Finds damage that left size and time as they were; takes longer.",
    )

    def parameters(self) -> dict[str, Any]:
        """Give what the verification would be submitted with."""
        return {"version": self.version, "full": bool(self["full"].value())}

    def now(self, plan: Plan | None) -> str:
        """Any state will do: nothing is changed."""
        return ""

    def submit(self, by: User) -> Operation:
        """Submit the verification."""
        return operations.verify(version=self.version, full=self.cleaned_data["full"], **self.asked_by(by))


class Remove(ActionForm):
    """Delete a version."""

    kind = "remove"
    title = "Delete {version}?"
    button = "Delete {version}"
    explains = "It is deleted from disk and ramdisk for good. Its lockfile stays on record: it can be built again."
    final = True
    asks_proof = True

    def parameters(self) -> dict[str, Any]:
        """Give what the removal would be submitted with."""
        return {"version": self.version, **operations.keep(self.machine)}

    def now(self, plan: Plan | None) -> str:
        """Name the version by what never changes: its name may be used again."""
        row = self.machine.versions.filter(name=self.version, removed_at__isnull=True).first()
        return str(row.uuid) if row else ""

    def submit(self, by: User) -> Operation:
        """Submit the removal."""
        return operations.remove(version=self.version, **self.asked_by(by))


class Rebuild(ActionForm):
    """Build again exactly what a version was built from."""

    kind = "build"
    title = "Rebuild {version} exactly?"
    button = "Build it again"
    explains = "A new version from the same recipe, options and lockfile. What users run is not touched."
    name = forms.CharField(max_length=64, label="Name of the new version")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = operations.propose_name(self.machine)

    def parameters(self) -> dict[str, Any]:
        """Give what the build would be submitted with."""
        return {"version": self["name"].value() or "", "like": self.version, "generation": 0}

    def now(self, plan: Plan | None) -> str:
        """Any state will do: what users run is not touched."""
        return ""

    def submit(self, by: User) -> Operation:
        """Submit the build."""
        return operations.rebuild(like=self.version, name=self.cleaned_data["name"], **self.asked_by(by))
