"""The app of machines, recipes, versions and operations."""

from django.apps import AppConfig


class StacksConfig(AppConfig):
    """Application configuration."""

    name = "stacks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have pages told of overdue backups, silent workers and what happened, and rollouts of operations that end."""
        from stacks import activity, presence, rollouts
        from stacks.activity_sources import SOURCES
        from stacks.operations import overdue
        from stacks.problems import add_source

        add_source(overdue)
        add_source(presence.problems)
        for source in SOURCES:
            activity.add_source(source)
        rollouts.follow_ends()
