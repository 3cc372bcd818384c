"""Recipes: which there are, what is in one, how it changed; adding one, editing one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Max, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from stacks import operations, source, textdiff
from stacks import recipes as recipes_of
from stacks.engine.errors import Refused
from stacks.forms import EditForm, ImportForm
from stacks.http import Request, changing_recipes, commanding, commanding_recipes, viewing
from stacks.models import Machine, Recipe, RecipeRevision
from stacks.recipes import Overtaken


@viewing
def recipes(request: Request) -> HttpResponse:
    """List the recipes, each with its latest revision."""
    listed = Recipe.objects.annotate(latest=Max("revisions__number"), changed_at=Max("revisions__created_at"))
    return render(request, "stacks/recipes.html", {"recipes": listed})


@viewing
def recipe(request: Request, name: str) -> HttpResponse:
    """Show a recipe at its latest revision or at `?revision=`, and what changed since `?against=` or the one before."""
    revisions = list(_revisions(name))
    shown = _numbered(revisions, request.GET.get("revision", "")) if "revision" in request.GET else None
    shown = shown or get_object_or_404(_revisions(name)[:1])
    against = _numbered(revisions, request.GET.get("against", "")) or _before(revisions, shown)
    context = {
        "recipe": shown.recipe, "shown": shown, "revisions": revisions, "against": against,
        "checked": source.check(shown.text), "latest": revisions[0],
        "lines": textdiff.unified(against.text, shown.text) if against else [],
        "machines": Machine.objects.values_list("name", flat=True),
    }  # fmt: skip
    return render(request, "stacks/recipe.html", context)


@changing_recipes
def recipe_edit(request: Request, name: str) -> HttpResponse:
    """Show the latest text and take the next revision; what was added meanwhile is shown, never overwritten."""
    latest = get_object_or_404(_revisions(name)[:1])
    begun = {"text": latest.text, "after": latest.number}
    form = EditForm(request.POST if request.method == "POST" else None, recipe=name, initial=begun)
    context: dict[str, Any] = {"recipe": latest.recipe, "form": form}
    if form.is_bound and form.is_valid():
        try:
            form.save(request.user)
        except Overtaken as refusal:
            context |= _overtaken(name, form, refusal)
        else:
            return redirect("stacks:recipe", name)
    context["checked"] = source.check(str(form["text"].value() or ""))
    return render(request, "stacks/recipe_edit.html", context, status=422 if form.is_bound else 200)


@commanding_recipes
def recipe_check(request: Request) -> HttpResponse:
    """Tell what is wrong with a text, at its line, while it is typed; with `convert` it may be a conda file."""
    text = request.POST.get("text", "")
    try:
        checked = source.check(recipes_of.read("", text.encode()) if "convert" in request.POST else text)
    except Refused:
        checked = source.check(text)
    return render(request, "stacks/_source.html", {"checked": checked})


@commanding
def recipe_solve(request: Request, name: str) -> HttpResponse:
    """Submit a solve: what a build of the latest revision would change on a machine; or go to the form of the build."""
    machine = get_object_or_404(Machine, name=request.POST.get("machine", ""))
    asked = request.POST.getlist("options")
    if "build" in request.POST:
        chosen = urlencode({"recipe": name, "options": asked}, doseq=True)
        return redirect(f"{reverse('stacks:build', args=[machine.name])}?{chosen}")
    made = operations.solve(machine=machine, recipe_name=name, options=asked, requested_by=request.user)
    return redirect("stacks:operation", made.pk)


@changing_recipes
def recipe_import(request: Request) -> HttpResponse:
    """Add a recipe, or a new revision of one, from a file or a text."""
    posted = request.method == "POST"
    form = ImportForm(request.POST if posted else None, request.FILES if posted else None)
    if form.is_bound and form.is_valid():
        return redirect("stacks:recipe", form.save(request.user).recipe.name)
    return render(request, "stacks/recipe_import.html", {"form": form}, status=422 if form.errors else 200)


def _revisions(name: str) -> QuerySet[RecipeRevision]:
    """Give a recipe's revisions, the newest first."""
    return RecipeRevision.objects.filter(recipe__name=name).select_related("recipe", "created_by").order_by("-number")


def _numbered(revisions: list[RecipeRevision], number: str) -> RecipeRevision | None:
    return next((one for one in revisions if str(one.number) == number), None)


def _before(revisions: list[RecipeRevision], shown: RecipeRevision) -> RecipeRevision | None:
    return next((one for one in revisions if one.number < shown.number), None)


def _overtaken(name: str, form: EditForm, refusal: Overtaken) -> dict[str, Any]:
    latest, asked = refusal.latest, form.cleaned_data
    begun = _revisions(name).filter(number=asked["after"]).first()
    return {
        "refusal": str(refusal), "latest": latest, "begun": begun,
        "theirs": textdiff.unified(begun.text, latest.text) if begun else [],
        "yours": textdiff.unified(latest.text, asked["text"]),
    }  # fmt: skip
