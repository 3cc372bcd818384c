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
    found = form.narrow(Operation.objects.select_related("machine", "requested_by"))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    filtered = any(form.cleaned_data.values())
    context = {"page": page, "form": form, "kept": kept.urlencode(), "filtered": filtered}
    return render(request, "stacks/operations.html", context)
