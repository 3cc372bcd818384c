"""Light, dark, or as the system says."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from stacks.templatetags.dlstack import THEMES

YEAR = 365 * 24 * 3600


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember the theme in a cookie and go back; the server renders it, so that nothing flashes."""
    here, chosen = request.POST.get("next", ""), request.POST.get("theme", "")
    safe = url_has_allowed_host_and_scheme(here, {request.get_host()}, require_https=request.is_secure())
    response = HttpResponseRedirect(here if safe else resolve_url("stacks:dashboard"))
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=YEAR, httponly=True, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
