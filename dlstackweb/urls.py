"""Every address of the site."""

from __future__ import annotations

from django.urls import include, path

from dlstackweb import health
from stacks import api

urlpatterns = [
    path("livez", health.alive, name="livez"),
    path("readyz", health.ready, name="readyz"),
    path("api/v1/", api.urls),
    path("", include("access.urls")),
    path("", include("kernels.urls")),
    path("", include("stacks.urls")),
]
