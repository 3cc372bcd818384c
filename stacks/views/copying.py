"""A version's copies on other machines: asked for once, one operation for each machine."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import operations
from stacks.engine.errors import Refused
from stacks.forms import CopyForm
from stacks.http import Request, changing
from stacks.models import Operation, Version


@changing
def copy(request: Request, name: str, version: str) -> HttpResponse:
    """Ask to which machines a version is to be copied, and submit that."""
    row = get_object_or_404(
        Version.objects.select_related("machine"), machine__name=name, name=version, removed_at=None
    )
    form = CopyForm(request.POST if request.method == "POST" else None, version=row)
    refusal, status = None, 422 if form.errors else 200
    if form.is_bound and form.is_valid():
        try:
            made = _submit(request, row, form)
        except Refused as refused:
            refusal, status = refused, 409
        else:
            return redirect("stacks:operation", made[0].pk) if len(made) == 1 else redirect("stacks:operations")
    context = {"version": row, "machine": row.machine, "form": form, "refusal": refusal}
    return render(request, "stacks/copy.html", context, status=status)


def _submit(request: Request, row: Version, form: CopyForm) -> list[Operation]:
    return operations.copy(
        machines=form.machines,
        version=row,
        source=form.giver,
        limit=form.cleaned_data["limit"],
        requested_by=request.user,
        reason=form.cleaned_data["reason"],
    )
