"""The app of kernelspecs."""

from django.apps import AppConfig


class KernelsConfig(AppConfig):
    """Application configuration."""

    name = "kernels"
    default_auto_field = "django.db.models.BigAutoField"
