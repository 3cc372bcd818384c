"""Who is here, and with which role: for admins."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache

from access import accounts, proof, roles, sessions, tokens
from access.forms import PersonForm, RoleForm
from access.http import Request, asking, reading, sending
from access.models import Token
from access.roles import PEOPLE
from stacks.engine.errors import Refused


@reading(PEOPLE)
def people(request: Request) -> HttpResponse:
    """List everybody."""
    return render(request, "access/people.html", {"people": [(user, roles.of(user)) for user in accounts.everybody()]})


@asking(PEOPLE)
def person_add(request: Request) -> HttpResponse:
    """Add an account; its page offers the link that opens it."""
    form = PersonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        proof.demand(request)
        try:
            return redirect("access:person", accounts.add(by=request.user, **form.cleaned_data).pk)
        except Refused as refusal:
            form.add_error("name", str(refusal))
    return render(request, "access/person_add.html", {"form": form}, status=422 if form.is_bound else 200)


@reading(PEOPLE)
def person(request: Request, pk: int) -> HttpResponse:
    """Show an account, and what an admin may do about it."""
    return _show(request, get_object_or_404(User, pk=pk))


@sending(PEOPLE)
def person_role(request: Request, pk: int) -> HttpResponse:
    """Give somebody another role."""
    user, form = get_object_or_404(User, pk=pk), RoleForm(request.POST)
    if not form.is_valid():
        raise Refused("Choose a role: viewer, operator or admin.")
    if form.cleaned_data["seen"] != (roles.of(user) or ""):
        raise Refused(f"{user} is {roles.of(user) or 'without a role'} now: somebody changed that. Nothing was done.")
    proof.demand(request)
    accounts.give(user=user, role=form.cleaned_data["role"], by=request.user)
    messages.success(request, f"{user} is {form.cleaned_data['role']} now.")
    return redirect("access:person", pk)


@sending(PEOPLE)
def person_close(request: Request, pk: int) -> HttpResponse:
    """Shut somebody out."""
    user = get_object_or_404(User, pk=pk)
    proof.demand(request)
    accounts.close(user=user, by=request.user)
    messages.success(request, f"The account {user} is closed.")
    return redirect("access:person", pk)


@sending(PEOPLE)
def person_open(request: Request, pk: int) -> HttpResponse:
    """Let somebody in again."""
    user = get_object_or_404(User, pk=pk)
    proof.demand(request)
    accounts.reopen(user=user, by=request.user)
    messages.success(request, f"The account {user} is open.")
    return redirect("access:person", pk)


@sending(PEOPLE)
def person_sign_out(request: Request, pk: int) -> HttpResponse:
    """Sign somebody out everywhere."""
    user = get_object_or_404(User, pk=pk)
    ended = accounts.sign_out_everywhere(user=user, by=request.user)
    if user == request.user:
        request.session.flush()
    messages.success(request, f"{user} is signed out: {ended} browsers.")
    return redirect("access:person", pk)


@never_cache
@sending(PEOPLE)
def person_link(request: Request, pk: int) -> HttpResponse:
    """Make a one-time link for somebody and show it, this once."""
    user = get_object_or_404(User, pk=pk)
    proof.demand(request)
    address = f"{request.scheme}://{request.get_host()}"
    return _show(request, user, link=accounts.link(user=user, address=address, by=request.user))


@sending(PEOPLE)
def person_token_revoke(request: Request, pk: int, token: int) -> HttpResponse:
    """Make one of somebody's tokens useless."""
    tokens.revoke(token=get_object_or_404(Token, pk=token, user=pk), by=request.user)
    return redirect("access:person", pk)


def _show(request: Request, user: User, *, link: str = "") -> HttpResponse:
    role = roles.of(user)
    context = {
        "person": user, "role": role, "form": RoleForm(initial={"role": role, "seen": role or ""}), "link": link,
        "sessions": sessions.count(user), "tokens": user.tokens.all(), "means": roles.MEANS,
    }  # fmt: skip
    return render(request, "access/person.html", context, status=201 if link else 200)
