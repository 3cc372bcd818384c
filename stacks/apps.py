"""The app of machines, recipes, versions and operations."""

from django.apps import AppConfig


class StacksConfig(AppConfig):
    """Application configuration."""

    name = "stacks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell machines' pages of backups that did not come, and list what this app knows under activity."""
        from stacks import activity
        from stacks.activity_sources import SOURCES
        from stacks.operations import overdue
        from stacks.problems import add_source

        add_source(overdue)
        for source in SOURCES:
            activity.add_source(source)
