"""Signing in, by password or by a one-time link."""

from __future__ import annotations

from django.contrib.auth import authenticate, login
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

sign_in = LoginView.as_view(template_name="sign_in.html", redirect_authenticated_user=True)
sign_out = LogoutView.as_view(next_page="stacks:sign-in")


@never_cache
@require_GET
def sign_in_link(request: HttpRequest) -> HttpResponse:
    """Sign in with a one-time link, which is printed where only the admin reads it; opening it uses it up."""
    user = authenticate(request, sesame=request.GET.get("sesame", ""))
    if user is None:
        return render(request, "sign_in_link.html", status=403)
    login(request, user, backend="sesame.backends.ModelBackend")
    return redirect("stacks:dashboard")
