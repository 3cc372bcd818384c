"""The audit trail: who did what, from where; for admins."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from access.forms import TrailFilter
from access.http import Request, reading
from access.models import AuditEntry
from access.roles import PEOPLE

PER_PAGE = 100


@reading(PEOPLE)
def trail(request: Request) -> HttpResponse:
    """Show the newest entries that pass the filter; the address holds filter and place."""
    form, before = TrailFilter(request.GET), request.GET.get("before", "")
    found = form.narrow(AuditEntry.objects.all())
    is_first = not (before.isascii() and before.isdigit() and len(before) < 18)
    if not is_first:
        found = found.filter(number__lt=int(before))
    entries = list(found[: PER_PAGE + 1])
    kept = request.GET.copy()
    kept.pop("before", None)
    context = {
        "form": form, "entries": entries[:PER_PAGE], "kept": kept.urlencode(), "is_first": is_first,
        "filtered": any(form.cleaned_data.values()),
        "older": entries[PER_PAGE - 1].number if len(entries) > PER_PAGE else None,
    }  # fmt: skip
    return render(request, "access/trail.html", context)
