"""One's own account: password, browsers that are signed in, tokens for programs."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache

from access import accounts, proof, roles, sessions, tokens
from access.forms import TokenForm
from access.http import Request, asking, reading, sending
from access.roles import LOOK


@reading(LOOK)
def account(request: Request) -> HttpResponse:
    """Show one's role, browsers and tokens."""
    return _show(request, TokenForm(user=request.user))


@asking(LOOK)
def password(request: Request) -> HttpResponse:
    """Set a password, the first one or another; all other browsers are signed out."""
    proof.demand(request)
    form = SetPasswordForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        accounts.set_password(user=request.user, password=form.cleaned_data["new_password1"], by=request.user)
        update_session_auth_hash(request, request.user)
        messages.success(request, "The password is set. All other browsers were signed out.")
        return redirect("access:account")
    return render(request, "access/password.html", {"form": form}, status=422 if form.is_bound else 200)


@sending(LOOK)
def sign_out_everywhere(request: Request) -> HttpResponse:
    """Sign oneself out in every browser, this one too."""
    accounts.sign_out_everywhere(user=request.user, by=request.user)
    request.session.flush()
    messages.success(request, "You are signed out everywhere.")
    return redirect("access:sign-in")


@never_cache
@sending(LOOK)
def token_add(request: Request) -> HttpResponse:
    """Make a token and show it, this once."""
    proof.demand(request)
    form = TokenForm(request.POST, user=request.user)
    if not form.is_valid():
        return _show(request, form, status=422)
    token, text = tokens.issue(user=request.user, by=request.user, **form.cleaned_data)
    return render(request, "access/token.html", {"token": token, "text": text}, status=201)


@sending(LOOK)
def token_revoke(request: Request, pk: int) -> HttpResponse:
    """Make one of one's own tokens useless."""
    token = get_object_or_404(request.user.tokens, pk=pk)
    tokens.revoke(token=token, by=request.user)
    messages.success(request, f"The token “{token.name}” is revoked.")
    return redirect("access:account")


def _show(request: Request, form: TokenForm, *, status: int = 200) -> HttpResponse:
    context = {
        "role": roles.of(request.user), "means": roles.MEANS, "sessions": sessions.count(request.user),
        "tokens": request.user.tokens.all(), "form": form,
    }  # fmt: skip
    return render(request, "access/account.html", context, status=status)
