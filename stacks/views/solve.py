"""What a build would change, before it is built."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from stacks import operations
from stacks.http import Request, commanding
from stacks.models import Machine


@commanding
def solve(request: Request, name: str) -> HttpResponse:
    """Submit a solve of the recipe and options that the build form has."""
    machine = get_object_or_404(Machine, name=name)
    recipe, options = request.POST.get("recipe", ""), request.POST.getlist("options")
    made = operations.solve(machine=machine, recipe_name=recipe, options=options, requested_by=request.user)
    return redirect("stacks:operation", made.pk)
