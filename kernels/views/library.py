"""The kernelspec library of a machine: list, add, edit, remove, and what is wrong with a kernel.json as it is typed."""

from __future__ import annotations

import json
import mimetypes

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from kernels import library as shelf
from kernels import seen
from kernels.forms import ConfirmForm, SpecForm
from stacks.engine.errors import Refused
from stacks.engine.kernels import library as disk
from stacks.engine.kernels.library import Entry
from stacks.http import Request, changing_library, commanding_library, viewing
from stacks.models import Machine
from stacks.observation import is_here

TEMPLATE = {
    "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "",
    "language": "python",
    "metadata": {"debugger": True},
}


@viewing
def library(request: Request, name: str) -> HttpResponse:
    """List the library."""
    machine = get_object_or_404(Machine, name=name)
    found = seen.libraries([machine]).get(machine.pk, [])
    live = {kernel["name"]: kernel for kernel in seen.kernels(machine).kernels if kernel["wins"]}
    context = {"machine": machine, "library": found, "live": live, "here": is_here(machine)}
    return render(request, "kernels/library.html", context)


@changing_library
def add(request: Request, name: str) -> HttpResponse:
    """Add a kernelspec, from nothing or from one that is live (`?from=`)."""
    machine = get_object_or_404(Machine, name=name)
    shelf.place(machine)
    live = [kernel for kernel in seen.kernels(machine).kernels if kernel["argv"]]
    form = SpecForm(request.POST or None, initial=_template(live, request.GET.get("from", "")))
    if form.is_bound and form.is_valid() and _is_saved(request, machine, form):
        return redirect("kernels:library", machine.name)
    context = {"machine": machine, "form": form, "sources": live, "chosen": request.GET.get("from", "")}
    return render(request, "kernels/edit.html", context, status=422 if form.is_bound else 200)


@changing_library
def edit(request: Request, name: str, kernel: str) -> HttpResponse:
    """Edit a kernelspec; what was changed meanwhile is told, and never overwritten."""
    machine = get_object_or_404(Machine, name=name)
    entry = _entry(machine, kernel)
    known = {"name": kernel, "text": entry.text, "expected": entry.digest}
    form = SpecForm({**request.POST.dict(), "name": kernel} if request.method == "POST" else None, initial=known)
    if form.is_bound and form.is_valid() and _is_saved(request, machine, form):
        return redirect("kernels:library", machine.name)
    stale = form.is_bound and form["expected"].value() != entry.digest
    context = {
        "machine": machine, "form": form, "entry": entry, "history": shelf.history(machine, kernel),
        "stale": shelf.diff(entry.text, str(form["text"].value()).replace("\r\n", "\n")) if stale else None,
    }  # fmt: skip
    return render(request, "kernels/edit.html", context, status=422 if form.is_bound else 200)


@changing_library
def remove(request: Request, name: str, kernel: str) -> HttpResponse:
    """Remove a kernelspec from the library, after a look at what uses it."""
    machine = get_object_or_404(Machine, name=name)
    entry = _entry(machine, kernel)
    form = ConfirmForm(request.POST if request.method == "POST" else None, initial={"expected": entry.digest})
    if form.is_bound and form.is_valid():
        shelf.remove(machine=machine, name=kernel, expected=form.cleaned_data["expected"], by=request.user)
        return redirect("kernels:library", machine.name)
    context = {"machine": machine, "entry": entry, "form": form, "uses": shelf.uses(machine, kernel)}
    return render(request, "kernels/remove.html", context)


@viewing
def logo(request: Request, name: str, kernel: str, logo: str) -> HttpResponse:
    """Give a logo; the content security policy keeps an SVG from being more than a picture."""
    machine = get_object_or_404(Machine, name=name)
    try:
        data = disk.read_logo(shelf.place(machine), kernel, logo)
    except Refused:
        raise Http404 from None
    return HttpResponse(data, content_type=mimetypes.guess_type(logo)[0] or "application/octet-stream")


@commanding_library
def validate(request: Request) -> HttpResponse:
    """Say what is wrong with a kernel.json; the answer takes the place of what was said before."""
    form = SpecForm(request.POST)
    found = form.findings
    wrong = any(finding.severity == "error" for finding in found)
    # htmx shows nothing that comes with an error's status.
    status = 422 if wrong and not request.htmx else 200
    return render(request, "kernels/_validation.html", {"found": found}, status=status)


def _is_saved(request: Request, machine: Machine, form: SpecForm) -> bool:
    """Save what a form holds; a refusal becomes an error of the form, which keeps what was typed."""
    asked = form.cleaned_data
    try:
        shelf.save(machine=machine, name=asked["name"], text=asked["text"], expected=asked["expected"], by=request.user)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _entry(machine: Machine, kernel: str) -> Entry:
    try:
        found = shelf.find(machine, kernel)
    except Refused:
        found = None
    if found is None:
        raise Http404
    return found


def _template(live: list[dict[str, object]], chosen: str) -> dict[str, str]:
    """Give the text to begin with: that of a live kernel, else the usual one of a Python."""
    source = next((kernel for kernel in live if kernel["directory"] == chosen), None)
    if source is None:
        return {"text": json.dumps(TEMPLATE, indent=1, ensure_ascii=False) + "\n"}
    fields = ("argv", "display_name", "language", "env")
    spec = {name: source[name] for name in fields if source[name]}
    return {"name": str(source["name"]), "text": json.dumps(spec, indent=1, ensure_ascii=False) + "\n"}
