"""Freeze windows: the list, the form, and what is done with one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import windows
from stacks.engine.errors import Refused
from stacks.forms import ReasonForm, WindowForm
from stacks.forms.times import zones
from stacks.forms.windows import initial_of
from stacks.http import Request, changing, viewing
from stacks.models import FreezeWindow

PER_PAGE = 30


@viewing
def window_list(request: Request) -> HttpResponse:
    """List freeze windows: the open ones first, then by when they begin, and those that are over last."""
    rows = FreezeWindow.objects.select_related("machine", "created_by").defer("machine__observed")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    standing = windows.standings(page)
    over = [row for row in page if row.pk not in {one.window.pk for one in standing}]
    return render(request, "stacks/windows.html", {"page": page, "standings": standing, "over": over})


@changing
def window_add(request: Request) -> HttpResponse:
    """Ask when nothing is to be deployed, and where."""
    return _edited(request, FreezeWindow(), {"machine": request.GET.get("machine", "")})


@changing
def window_edit(request: Request, pk: int) -> HttpResponse:
    """Change a freeze window."""
    found = _one(pk)
    return _edited(request, found, initial_of(found))


@changing
def window_lift(request: Request, pk: int) -> HttpResponse:
    """Ask why, and let a window that is open be over until its next time."""
    found = _one(pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        windows.lift(window=found, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, f"The freeze window “{found.name}” is lifted until it comes again.")
        return redirect("stacks:windows")
    standing = next(iter(windows.standings([found])), None)
    if standing is None or not standing.is_open:
        raise Refused(f"The freeze window “{found.name}” is not open: there is nothing to lift.")
    context = {"standing": standing, "form": form}
    return render(request, "stacks/window_lift.html", context, status=422 if form.errors else 200)


@changing
def window_delete(request: Request, pk: int) -> HttpResponse:
    """Ask once more, and delete a freeze window."""
    found = _one(pk)
    if request.method == "POST":
        windows.delete(window=found, by=request.user)
        messages.success(request, f"The freeze window “{found.name}” is deleted.")
        return redirect("stacks:windows")
    return render(request, "stacks/window_delete.html", {"window": found})


def _one(pk: int) -> FreezeWindow:
    return get_object_or_404(FreezeWindow.objects.select_related("machine", "created_by"), pk=pk)


def _edited(request: Request, found: FreezeWindow, initial: dict[str, Any]) -> HttpResponse:
    form = WindowForm(request.POST if request.method == "POST" else None, initial=initial)
    looks = request.POST.get("do") == "times"
    if form.is_bound and not looks and form.is_valid():
        made = windows.save(window=form.apply_to(found), by=request.user)
        messages.success(request, f"The freeze window “{made.name}” is saved.")
        return redirect("stacks:windows")
    context = {"form": form, "window": found, "looks": looks, "zones": zones()}
    return render(request, "stacks/window_edit.html", context, status=422 if form.errors and not looks else 200)
