"""All kernels on all machines, at a glance."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render

from kernels import exports
from kernels import matrix as matrices
from kernels.forms import MatrixFilter
from stacks.http import Request, viewing

PER_PAGE = 20  # machines


@viewing
def matrix(request: Request) -> HttpResponse:
    """Show the matrix of some machines, narrowed as the address says, which also holds the page."""
    form = MatrixFilter(request.GET)
    asked = form.asked()
    page = Paginator(list(asked.machines) or form.machines, PER_PAGE).get_page(request.GET.get("page"))
    found = matrices.build(asked, list(page.object_list))
    kept = request.GET.copy()
    kept.pop("page", None)
    filtered = any(request.GET.get(name) for name in form.fields)
    context = {"form": form, "matrix": found, "filtered": filtered, "page": page, "kept": kept.urlencode(), "drawn": {}}
    return render(request, "kernels/matrix.html", context)


@viewing
def matrix_csv(request: Request) -> HttpResponse:
    """Give the matrix as CSV."""
    text = exports.as_csv(matrices.build(MatrixFilter(request.GET).asked()))
    disposition = {"Content-Disposition": 'attachment; filename="kernels.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=disposition)


@viewing
def matrix_json(request: Request) -> HttpResponse:
    """Give the matrix as JSON."""
    text = exports.as_json(matrices.build(MatrixFilter(request.GET).asked()))
    return HttpResponse(text, content_type="application/json")
