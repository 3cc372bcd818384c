"""What is asked once, with its plan, before an operation is submitted; a new action is one class and one line."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User

from stacks import operations
from stacks.models import Machine, Operation
from stacks.plans.removal import KEEP


class ActionForm(forms.Form):
    """Asks once for an operation of a machine, or of its version `version`.

    `title`, `button` and `explains` are what people read; one that is `final` cannot be undone.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    button: ClassVar[str]
    explains: ClassVar[str] = ""
    final: ClassVar[bool] = False

    reason = forms.CharField(required=False, max_length=500)

    def __init__(self, *args: Any, machine: Machine, version: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.machine = machine
        self.version = version

    @property
    def choices(self) -> list[forms.BoundField]:
        """The fields beside the reason."""
        return [field for field in self if field.name != "reason"]

    def parameters(self) -> dict[str, Any]:
        """Give what the operation would be submitted with, for showing its plan."""
        return {"version": self.version} if self.version else {}

    def submit(self, by: User) -> Operation:
        """Submit the operation; call it on a valid form. Raises Refused."""
        raise NotImplementedError

    def asked_by(self, by: User) -> dict[str, Any]:
        """Give what every operation is submitted with."""
        return {"machine": self.machine, "requested_by": by, "reason": self.cleaned_data["reason"]}


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


class Prune(ActionForm):
    """Delete the versions that are not needed any more."""

    kind = "prune"
    title = "Prune the versions of {machine}?"
    button = "Delete these versions"
    explains = "Deleted versions are gone for good. What is active, backing, pinned or next to revert to always stays."
    final = True
    keep = forms.IntegerField(min_value=1, max_value=1000, initial=KEEP, label="How many of the newest stay")

    def parameters(self) -> dict[str, Any]:
        """Give what the prune would be submitted with."""
        given = str(self["keep"].value() or "")
        return operations.prune_parameters(self.machine, int(given) if given.isdigit() else KEEP)

    def submit(self, by: User) -> Operation:
        """Submit the prune."""
        return operations.prune(keep=self.cleaned_data["keep"], **self.asked_by(by))


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

    def parameters(self) -> dict[str, Any]:
        """Give what the removal would be submitted with."""
        return {"version": self.version, "pinned": operations.pinned(self.machine)}

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

    def submit(self, by: User) -> Operation:
        """Submit the build."""
        return operations.rebuild(like=self.version, name=self.cleaned_data["name"], **self.asked_by(by))


ACTIONS: dict[str, type[ActionForm]] = {form.kind: form for form in (Backup, Discard, Restore, Adopt, Convert, Prune)}
VERSION_ACTIONS: dict[str, type[ActionForm]] = {"verify": Verify, "remove": Remove, "rebuild": Rebuild}
