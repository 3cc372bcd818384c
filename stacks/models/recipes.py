"""Recipes: what is asked for, kept as revisions that never change."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Recipe(models.Model):
    """A named stack; its text lives in revisions."""

    name = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class RecipeRevision(models.Model):
    """The text (TOML) of a recipe at one time; written once."""

    recipe = models.ForeignKey(Recipe, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    note = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("recipe", "-number")
        constraints = (models.UniqueConstraint(name="recipe_revision_once", fields=("recipe", "number")),)

    def __str__(self) -> str:
        return f"{self.recipe} r{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a new revision; a written one cannot be changed (TypeError)."""
        if self.pk is not None:
            raise TypeError("A recipe revision is never edited: add a new one.")
        super().save(*args, **kwargs)
