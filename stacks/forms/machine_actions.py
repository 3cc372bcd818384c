"""What may be asked for a whole machine."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from stacks import operations
from stacks.engine import provision
from stacks.engine.provision import tmpfs
from stacks.forms.asking import ActionForm
from stacks.models import Machine, Operation
from stacks.observation import is_here
from stacks.plans.base import Plan
from stacks.plans.removal import KEEP


class Backup(ActionForm):
    """Keep what users changed in the active tree."""

    kind = "backup"
    title = "Keep what changed on {machine}?"
    button = "Keep it as a version"
    explains = "What is different in the active tree becomes a version of its own on disk. Users notice nothing."
    full = forms.BooleanField(
        required=False,
        label="Compare the content of every file",
        help_text="Finds changes that left size and time as they were; takes longer.",
    )

    def submit(self, by: User) -> Operation:
        """Submit the backup."""
        return operations.backup(full=self.cleaned_data["full"], **self.asked_by(by))


class Discard(ActionForm):
    """Bring the active tree back to what was sealed."""

    kind = "discard"
    title = "Discard what changed on {machine}?"
    button = "Discard the changes"
    explains = "What users changed in the active tree goes for good. External environments stay as they are."
    final = True
    asks_proof = True

    def submit(self, by: User) -> Operation:
        """Submit the discard."""
        return operations.discard(**self.asked_by(by))


class Restore(ActionForm):
    """Fill the ramdisk again."""

    kind = "restore"
    title = "Restore the ramdisk of {machine}?"
    button = "Restore"
    explains = "Users run the version from disk, slowly, until it is in memory again."

    def submit(self, by: User) -> Operation:
        """Submit the restore."""
        return operations.restore(**self.asked_by(by))


class Adopt(ActionForm):
    """Take over what was made by hand."""

    kind = "adopt"
    title = "Take over what is on {machine}?"
    button = "Take it over"
    explains = "Describes the versions that were made by hand. Not a byte of them changes."

    def submit(self, by: User) -> Operation:
        """Submit the adoption."""
        return operations.adopt(**self.asked_by(by))


class Convert(ActionForm):
    """Turn layout in-place into layout resident."""

    kind = "convert"
    title = "Convert {machine} to layout resident?"
    button = "Convert"
    explains = "From then on several versions lie in memory at once, and a switch is one rename. Users notice nothing."

    def submit(self, by: User) -> Operation:
        """Submit the conversion."""
        return operations.convert(**self.asked_by(by))


class Provision(ActionForm):
    """Make a new machine ready."""

    kind = "provision"
    title = "Provision {machine}?"
    button = "Provision"
    explains = "Makes the root, the ramdisk and DLStack's own directory where they are missing; what is there stays."
    asks_proof = True
    layout = forms.ChoiceField(choices=Machine.Layout, label="Layout")
    size = forms.CharField(
        max_length=20, initial="50%", label="Size of the ramdisk", help_text="8G, or a part of the memory such as 50%."
    )
    trust_parents = forms.BooleanField(
        required=False,
        label="Accept directories that everybody can write",
        help_text="Any user could then replace the live path.",
    )

    def clean_size(self) -> int:
        """Read the size in bytes."""
        size = self._bytes(self.cleaned_data["size"])
        if size is None:
            units = "K, M, G or %" if is_here(self.machine) else "K, M or G: its memory is not known here"
            raise forms.ValidationError(f"Give bytes, or a number with {units}.")
        return size

    def _bytes(self, text: str) -> int | None:
        # A part of the memory means something on the machine itself alone.
        memory = provision.this_host().memory if is_here(self.machine) else None
        return None if memory is None and "%" in text else tmpfs.parse_size(text, memory or 0)

    def parameters(self) -> dict[str, Any]:
        """Give what the provision would be submitted with."""
        size = self._bytes(str(self["size"].value() or "")[:20])
        layout, trust = str(self["layout"].value() or "resident"), bool(self["trust_parents"].value())
        return {"layout": layout, "ramdisk_bytes": size, "trust_parents": trust, "machine": self.machine.name}

    def submit(self, by: User) -> Operation:
        """Submit the provision."""
        return operations.provision(parameters=self.parameters(), **self.asked_by(by))


class Prune(ActionForm):
    """Delete the versions that are not needed any more."""

    kind = "prune"
    title = "Prune the versions of {machine}?"
    button = "Delete these versions"
    explains = "Deleted versions are gone for good. What is active, backing, pinned or next to revert to always stays."
    final = True
    asks_proof = True
    keep = forms.IntegerField(min_value=1, max_value=1000, initial=KEEP, label="How many of the newest stay")

    def parameters(self) -> dict[str, Any]:
        """Give what the prune would be submitted with."""
        try:
            newest = self.fields["keep"].clean(self["keep"].value())
        except forms.ValidationError:
            newest = KEEP
        return {"keep": newest, **operations.keep(self.machine)}

    def now(self, plan: Plan | None) -> str:
        """Name the versions that go."""
        return " ".join(step.name for step in plan.steps) if plan else ""

    def submit(self, by: User) -> Operation:
        """Submit the prune."""
        return operations.prune(keep_newest=self.cleaned_data["keep"], **self.asked_by(by))
