"""`dlstack recipe-import`: add a recipe, or a new revision of one, from a file."""  # noqa: N999 — a verb is named by its module

from stacks.management.recipe_import import Command

__all__ = ["Command"]
