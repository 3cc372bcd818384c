"""All machines beside each other: what is active, what was asked for, and where they disagree."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render

from stacks import comparison as comparisons
from stacks.http import Request, viewing

PER_PAGE = 20


@viewing
def comparison(request: Request) -> HttpResponse:
    """Show where machines disagree, those that do first."""
    found = comparisons.compare()
    page = Paginator(found.rows, PER_PAGE).get_page(request.GET.get("page"))
    contents = comparisons.contents(list(page.object_list), found.usual, found.digest)
    rows = [(row, contents.get(row.machine)) for row in page.object_list]
    return render(request, "stacks/comparison.html", {"found": found, "page": page, "rows": rows})
