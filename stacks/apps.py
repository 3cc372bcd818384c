"""The app of machines, recipes, versions and operations."""

from django.apps import AppConfig


class StacksConfig(AppConfig):
    """Application configuration."""

    name = "stacks"
    default_auto_field = "django.db.models.BigAutoField"
