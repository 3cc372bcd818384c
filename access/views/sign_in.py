"""Signing in, by password or by a one-time link, and out again."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from access import strangers
from access.forms import SignInForm
from access.models import AuditEntry


class SignIn(LoginView):
    """Sign in by password."""

    template_name = "sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    http_method_names = ("get", "head", "post", "options")

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again; 429 where there were too many tries."""
        response = super().form_invalid(form)
        if form.throttled:
            response.status_code = 429
        return response


sign_in = SignIn.as_view()
sign_out = login_not_required(LogoutView.as_view(next_page="access:sign-in"))


@login_not_required
@never_cache
@require_GET
def sign_in_link(request: HttpRequest) -> HttpResponse:
    """Sign in with a one-time link, which is printed where only the admin reads it; opening it uses it up."""
    user = authenticate(request, sesame=request.GET.get("sesame", ""))
    if user is None:
        strangers.record(AuditEntry.Kind.SIGN_IN_FAILED, "A one-time link that does not work was opened.")
        return render(request, "sign_in_link.html", status=403)
    login(request, user, backend="sesame.backends.ModelBackend")
    return redirect("stacks:dashboard")
