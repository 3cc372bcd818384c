"""Everything that anyone changed."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.http import HttpResponse
from django.shortcuts import render

from stacks import activity as activities
from stacks import exports
from stacks.activity import Cursor
from stacks.forms import ActivityFilter
from stacks.http import Request, viewing

PER_PAGE = 50
EXPORTED = 10_000
FIELDS = ("at", "machine", "who", "kind", "what", "why", "outcome")


@viewing
def activity(request: Request) -> HttpResponse:
    """List what was changed, newest first; the address holds filter and place."""
    form = ActivityFilter(request.GET)
    asked, after = form.asked(), Cursor.read(request.GET.get("after", ""))
    found = activities.page(asked, after=after, count=PER_PAGE)
    kept = request.GET.copy()
    kept.pop("after", None)
    context = {
        "form": form, "entries": found.entries, "kept": kept.urlencode(), "is_first": after is None,
        "older": found.older, "until": found.until,
        "filtered": any(form.cleaned_data.values()), "exported": EXPORTED,
    }  # fmt: skip
    return render(request, "stacks/activity.html", context)


@viewing
def activity_csv(request: Request) -> HttpResponse:
    """Give what passes the filter as CSV."""
    disposition = {"Content-Disposition": 'attachment; filename="activity.csv"'}
    text = exports.as_csv(FIELDS, _lines(request))
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=disposition)


@viewing
def activity_json(request: Request) -> HttpResponse:
    """Give what passes the filter as one JSON document."""
    return HttpResponse(json.dumps({"activity": list(_lines(request))}, indent=1), content_type="application/json")


def _lines(request: Request) -> Iterator[dict[str, str]]:
    for entry in activities.entries(ActivityFilter(request.GET).asked(), count=EXPORTED):
        yield {**{name: getattr(entry, name) for name in FIELDS}, "at": entry.at.isoformat()}
