"""The forms about people: what is asked for, checked as far as a form can."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.db.models import QuerySet

from access import origin, roles, strangers, throttle
from access.models import AuditEntry
from access.roles import BRIEFLY, Role

Kind = AuditEntry.Kind


class SignInForm(AuthenticationForm):
    """Name and password; a password is looked at only while there are tries left."""

    throttled = False

    def clean(self) -> dict[str, Any]:
        """Check the password, once there is one to check."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password or self.request is None:
            return super().clean()
        asked = {"account": name, "address": origin.address_of(self.request)}
        self._admit(asked)
        try:
            cleaned = super().clean()
        except forms.ValidationError:
            strangers.record(Kind.SIGN_IN_FAILED, f"A wrong password for {_told(name)}.")
            raise
        throttle.succeeded(**asked)
        return cleaned

    def _admit(self, asked: dict[str, str]) -> None:
        admission = throttle.ask(**asked)
        if admission.granted:
            return
        self.throttled = True
        strangers.record(Kind.THROTTLED, f"Too many tries to sign in, the last one as {_told(asked['account'])}.")
        raise forms.ValidationError(
            f"Too many tries: wait {admission.minutes} minutes, or sign in with a one-time link, which always works.",
            code="throttled",
        )


class PersonForm(forms.Form):
    """A new account."""

    name = forms.CharField(max_length=150, label="Name", help_text="Letters, digits, and @ . + - _")
    role = forms.ChoiceField(choices=[*BRIEFLY.items()], label="Role")


class RoleForm(forms.Form):
    """Another role for somebody, whose role was `seen` when the page was opened."""

    role = forms.ChoiceField(choices=[*BRIEFLY.items()], label="Role")
    seen = forms.CharField(required=False, widget=forms.HiddenInput)


class TokenForm(forms.Form):
    """A new token of one's own, for what one may do oneself at most."""

    name = forms.CharField(max_length=60, label="What it is for", help_text="For example “nightly build”.")
    role = forms.ChoiceField(label="Role")
    days = forms.TypedChoiceField(
        coerce=int, choices=[(7, "a week"), (30, "a month"), (90, "three months"), (366, "a year")], initial=90,
        label="How long it works",
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = roles.of(user)
        may = list(Role)[: list(Role).index(own) + 1] if own else []
        self.fields["role"].choices = [(role, BRIEFLY[role]) for role in may]  # type: ignore[attr-defined]


class TrailFilter(forms.Form):
    """Narrows the audit trail; what it cannot read narrows nothing."""

    text = forms.CharField(required=False, max_length=200, label="Search")
    kind = forms.ChoiceField(required=False, choices=[("", "Any kind"), *Kind.choices])
    who = forms.CharField(required=False, max_length=150)

    def narrow(self, entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Give the entries that pass."""
        self.is_valid()
        for field, lookup in (("text", "what__icontains"), ("kind", "kind"), ("who", "who__icontains")):
            if value := self.cleaned_data.get(field):
                entries = entries.filter(**{lookup: value})
        return entries


def _told(name: str) -> str:
    """Name an account in the trail; what is no account may be a password that was typed into the wrong field."""
    return name if User.objects.filter(username=name).exists() else "a name that is no account"
