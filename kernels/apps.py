"""The app of kernelspecs."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class KernelsConfig(AppConfig):
    """Application configuration."""

    name = "kernels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Record what operations find of kernels, tell machines' pages which fail and which run, list library edits."""
        from kernels.activity import EDITS
        from kernels.problems import failing
        from kernels.seen import tally
        from stacks import activity, glance
        from stacks.problems import add_source
        from stacks.signals import recorded

        recorded.connect(_record, dispatch_uid="kernels")
        add_source(failing)
        activity.add_source(EDITS)
        glance.add_source(tally)


def _record(sender: object, **told: Any) -> None:
    from kernels import records

    records.record(operation=told["operation"], outcome=told["outcome"])
