"""What is asked of a machine that joins, gets another name, or is forgotten."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from django import forms

from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.provision.host import check_plain
from stacks.models import Machine
from stacks.models.machines import name_rule

NAME_HELP = "Lower-case letters, digits and hyphens. Its queues, units and pages are called so."
_OWNER = re.compile(r"[a-z_][a-z0-9_-]{0,31}|\d{1,10}(:\d{1,10})?")


class NameForm(forms.Form):
    """The name of a machine: one that no other has."""

    name = forms.CharField(max_length=63, validators=[name_rule], label="Name", help_text=NAME_HELP)

    def clean_name(self) -> str:
        """Refuse a name that is taken."""
        name = str(self.cleaned_data["name"])
        if Machine.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a machine “{name}” already.")
        return name


class JoiningForm(NameForm):
    """A machine that is to join."""

    root = forms.CharField(
        max_length=1000, initial="/data0", label="Root", help_text="The directory that holds all of its versions."
    )
    layout = forms.ChoiceField(
        choices=[("resident", "resident: several versions in memory at once"), ("in-place", "in-place: one tree only")],
        label="Layout",
    )
    owner = forms.CharField(
        required=False, max_length=32, initial="datalab", label="Owner",
        help_text="The account that builds and workers run as: a name, or uid:gid. It exists there, and is not root.",
    )  # fmt: skip

    def clean_root(self) -> str:
        """Refuse what cannot be a root."""
        root = os.path.normpath(str(self.cleaned_data["root"]))
        root = f"/{root.lstrip('/')}" if root.startswith("/") else root
        try:
            check_plain(Layout(Path(root)).root)
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return root

    def clean_owner(self) -> str:
        """Refuse what names no account, and root."""
        owner = str(self.cleaned_data["owner"])
        if owner and not _OWNER.fullmatch(owner):
            raise forms.ValidationError("Give a user name, a uid, or uid:gid.")
        if owner == "root" or re.fullmatch(r"0+(:\d+)?", owner):
            raise forms.ValidationError("Builds never run as root: name an unprivileged account.")
        return owner


class ForgetForm(forms.Form):
    """The name of the machine, typed once more."""

    name = forms.CharField(max_length=63, label="Type its name")

    def __init__(self, *args: Any, machine: Machine, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._machine = machine

    def clean_name(self) -> str:
        """Refuse another name."""
        if self.cleaned_data["name"] != self._machine.name:
            raise forms.ValidationError(f"This is not {self._machine.name}.")
        return str(self.cleaned_data["name"])
