"""Every operation there was."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render

from stacks.forms import OperationFilter
from stacks.http import Request, viewing
from stacks.models import Operation

PER_PAGE = 30


@viewing
def operations(request: Request) -> HttpResponse:
    """List operations, newest first; the address holds filter and page."""
    form = OperationFilter(request.GET)
    # Keys alone first: to come to a late page the database passes over all rows before it.
    page = Paginator(form.narrow(Operation.objects.only("pk")), PER_PAGE).get_page(request.GET.get("page"))
    shown = Operation.objects.filter(pk__in=[one.pk for one in page.object_list])
    rows = shown.select_related("machine", "requested_by").defer("steps", "outcome", "machine__observed")
    kept = request.GET.copy()
    kept.pop("page", None)
    filtered = any(form.cleaned_data.values())
    context = {"page": page, "operations": rows, "form": form, "kept": kept.urlencode(), "filtered": filtered}
    return render(request, "stacks/operations.html", context)
