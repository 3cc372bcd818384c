"""Every component in its states, light and dark beside each other; for developers only."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe

from stacks import samples
from stacks.http import Request, viewing

THEMES = ("light", "dark")


@viewing
def styleguide(request: Request) -> HttpResponse:
    """Show the components where Django's debug pages are on; elsewhere there is no such page."""
    if not settings.DEBUG:
        raise Http404
    logs = [mark_safe(samples.log(first)) for first in (1, 101)]  # noqa: S308  # rendered as for the log
    context = {**samples.components(), "themes": list(zip(THEMES, logs, strict=True))}
    return render(request, "stacks/styleguide.html", context)
