"""A version's pin and note."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from stacks.engine.errors import Refused
from stacks.forms import LabelForm
from stacks.http import Request, commanding
from stacks.models import Version


@commanding
def label(request: Request, name: str, version: str) -> HttpResponse:
    """Pin a version or not, and keep a note on it."""
    row = get_object_or_404(Version, machine__name=name, name=version, removed_at=None)
    form = LabelForm(request.POST, instance=row)
    if not form.is_valid():
        raise Refused("The note is too long: 500 characters at most.")
    form.save(commit=False).save(update_fields=[*form.Meta.fields])
    return redirect("stacks:version", name, version)
