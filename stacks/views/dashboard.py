"""The machines at a glance."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse, QueryDict

from stacks import windows
from stacks.http import Request, viewing
from stacks.models import Machine, Operation
from stacks.views import first_run
from stacks.views.refreshed import respond
from stacks.views.shown import all_machines

PER_PAGE = 20
ONLY: dict[str, tuple[str, Q]] = {
    "problems": ("With problems", Q(observed__problems__0__isnull=False)),
    "running": ("At work", Q(pk__in=Operation.objects.filter(state__in=Operation.UNFINISHED).values("machine"))),
    "idle": ("Nothing active", ~Q(activations__ended_at=None, activations__isnull=False)),
}


@viewing
def dashboard(request: Request) -> HttpResponse:
    """Show the machines: what is active, what runs, what is wrong and what to do; the address holds page and filter."""
    found = _narrowed(request.GET)
    page: Page[int] = Paginator(found.values_list("pk", flat=True), PER_PAGE).get_page(request.GET.get("page"))
    keys = list(page.object_list)
    coming = windows.soon(windows.known(keys))
    machines = all_machines(keys, coming)
    asked = _asked(request.GET)
    begun = asked["narrowed"] or page.has_other_pages() or any(shown.active or shown.recorded for shown in machines)
    context = {
        "machines": machines, "page": page, "only": ONLY, **asked,
        "standings": [one for one in coming if one.window.machine_id is None],
        "first_run": None if begun else first_run.of(next(iter(machines), None)),
    }  # fmt: skip
    return respond(request, "stacks/dashboard.html", "stacks/_machines.html", context)


def _narrowed(asked: QueryDict) -> QuerySet[Machine]:
    found = Machine.objects.filter(name__icontains=asked.get("find", "").strip()[:63])
    only = asked.get("only", "")
    return found.filter(ONLY[only][1]) if only in ONLY else found


def _asked(asked: QueryDict) -> dict[str, Any]:
    kept = asked.copy()
    for key in ("page", "seen"):
        kept.pop(key, None)
    return {"kept": kept.urlencode(), "narrowed": bool(asked.get("find") or asked.get("only"))}
