"""Every address of the site."""

from __future__ import annotations

from django.urls import include, path

from dlstackweb import health

urlpatterns = [
    path("livez", health.alive, name="livez"),
    path("readyz", health.ready, name="readyz"),
    path("", include("access.urls")),
    path("", include("kernels.urls")),
    path("", include("stacks.urls")),
]
