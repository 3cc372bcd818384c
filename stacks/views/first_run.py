"""The way from an empty machine to its first active version: what is done, and the one thing that comes next."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from access.roles import MACHINES, OPERATE, RECIPES
from stacks.models import Recipe
from stacks.views.shown import Shown

NAMED = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `address` leads to where it is done, with the word of its button ("" where it is typed).

    Once it is done `found` says what there is, and `further` leads to the address again; `right` is what it needs.
    """

    title: str
    explains: str
    done: bool
    address: str = ""
    button: str = ""
    found: str = ""
    further: str = ""
    right: str = OPERATE


@dataclass(frozen=True, slots=True)
class FirstRun:
    """The steps in order; `next` is the first that is not done."""

    steps: list[Step]

    @property
    def next(self) -> Step | None:
        """The step that comes next, None when all are done."""
        return next((step for step in self.steps if not step.done), None)


def of(shown: Shown | None) -> FirstRun | None:
    """Give the way of a machine on which nothing is active yet, or of none at all; None for one that has got there."""
    if shown is not None and (shown.active or shown.recorded):
        return None
    name = shown.machine.name if shown else ""
    newest = next((tree.name for tree in shown.trees if tree.sealed), "") if shown else ""
    ramdisk = bool(shown and shown.status.get("ramdisk", {}).get("is_tmpfs"))
    seen = bool(shown and (shown.read_here or shown.machine.observed_at))
    recipes = list(Recipe.objects.values_list("name", flat=True)[:NAMED])
    return FirstRun([
        _machine(seen, name),
        Step(
            "A ramdisk", "Versions are served from memory.", ramdisk,
            _to("action", name, "provision"), "Provision…", MACHINES,
        ),
        Step(
            "A recipe", "It says which environments and packages a version gets.", bool(recipes),
            reverse("stacks:recipe-import"), "Add a recipe", ", ".join(recipes), "Add your own", RECIPES,
        ),
        Step(
            "A first version", "A build installs the packages. What users run is not touched.", bool(newest),
            _to("build", name), "Build the first version", newest, "Build another",
        ),
        Step(
            "Deployed", "The version is copied into the ramdisk, and the live path leads to it.", False,
            _to("deploy", name, newest), f"Deploy {newest}…",
        ),
    ])  # fmt: skip


def _machine(seen: bool, name: str) -> Step:
    """Give the step of the machine itself: it starts with its home, or joins a control plane."""
    if settings.DLSTACK.is_embedded:
        return Step("A machine", "Its workers run and have looked at its disk; on it, type make run.", seen, found=name)
    address, button = _to("machine-join", name) or reverse("stacks:machine-add"), "Add a machine"
    button = f"Let {name} join" if name else button
    explains = "It joins by one command, then its workers answer."
    return Step("A machine", explains, seen, address, button, name, right=MACHINES)


def _to(page: str, *where: str) -> str:
    return reverse(f"stacks:{page}", args=where) if all(where) else ""
