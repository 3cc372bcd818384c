"""What is asked once, with its plan, before an operation is submitted."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import User

from stacks import stale
from stacks.models import Machine, Operation
from stacks.plans.base import Plan


class ActionForm(forms.Form):
    """Asks once for an operation of a machine, or of its version `version`.

    `title`, `button` and `explains` are what people read; one that is `final` cannot be undone. One that `asks_proof`
    is submitted only by who proved lately who they are.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    button: ClassVar[str]
    explains: ClassVar[str] = ""
    final: ClassVar[bool] = False
    asks_proof: ClassVar[bool] = False

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    reason = forms.CharField(required=False, max_length=500)

    def __init__(self, *args: Any, machine: Machine, version: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.machine = machine
        self.version = version

    @property
    def choices(self) -> list[forms.BoundField]:
        """The fields beside the reason, that people see."""
        return [field for field in self if field.name not in ("reason", "seen")]

    def parameters(self) -> dict[str, Any]:
        """Give what the operation would be submitted with, for showing its plan."""
        return {"version": self.version} if self.version else {}

    def now(self, plan: Plan | None) -> str:
        """Name the state that the question is about, which the answer must find again: what is active.

        "" is for what leaves that alone.
        """
        return stale.active_now(self.machine)

    def submit(self, by: User) -> Operation:
        """Submit the operation; call it on a valid form. Raises Refused."""
        raise NotImplementedError

    def asked_by(self, by: User) -> dict[str, Any]:
        """Give what every operation is submitted with."""
        return {"machine": self.machine, "requested_by": by, "reason": self.cleaned_data["reason"]}
