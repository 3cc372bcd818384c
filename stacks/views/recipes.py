"""Recipes: which there are, and adding one."""

from __future__ import annotations

from django.db.models import Max
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks.forms import ImportForm
from stacks.http import Request, changing, viewing
from stacks.models import Recipe, RecipeRevision


@viewing
def recipes(request: Request) -> HttpResponse:
    """List the recipes, each with its latest revision."""
    listed = Recipe.objects.annotate(latest=Max("revisions__number"), changed_at=Max("revisions__created_at"))
    return render(request, "stacks/recipes.html", {"recipes": listed})


@viewing
def recipe(request: Request, name: str) -> HttpResponse:
    """Show a recipe's text, at its latest revision or at `?revision=`."""
    revisions = RecipeRevision.objects.filter(recipe__name=name).select_related("recipe", "created_by")
    asked = request.GET.get("revision", "")
    wanted = (
        revisions.filter(number=int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 10 else revisions
    )
    shown = get_object_or_404(wanted.order_by("-number")[:1])
    context = {"recipe": shown.recipe, "shown": shown, "revisions": revisions.order_by("-number")}
    return render(request, "stacks/recipe.html", context)


@changing
def recipe_import(request: Request) -> HttpResponse:
    """Add a recipe, or a new revision of one, from a file or a text."""
    posted = request.method == "POST"
    form = ImportForm(request.POST if posted else None, request.FILES if posted else None)
    if form.is_bound and form.is_valid():
        return redirect("stacks:recipe", form.save(request.user).recipe.name)
    return render(request, "stacks/recipe_import.html", {"form": form}, status=422 if form.errors else 200)
