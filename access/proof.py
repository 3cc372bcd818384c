"""What destroys asks again who is there: a sign-in, or a proof, of the last fifteen minutes.

A view that is about to destroy calls `demand`. Where the proof is too old the guard of `access.http` shows the question
with the form's fields in it, and the answer comes to the same address together with them: nothing is typed twice.
"""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from sesame.utils import get_user

from access import audit, origin, sessions, strangers, throttle
from access.models import AuditEntry

LASTS = 15 * 60  # seconds
PASSWORD, LINK, ONLY = "proof_password", "proof_link", "proof_only"
OWN_FIELDS = frozenset({"csrfmiddlewaretoken", PASSWORD, LINK, ONLY})

Kind = AuditEntry.Kind


class ProofNeeded(Exception):  # noqa: N818 — a question, not an error
    """Nothing is done before somebody says again who they are; the text says what was wrong with the last answer."""


class Proved(Exception):  # noqa: N818
    """The question was asked before a form was shown, and is answered: the form comes next."""


def is_recent(request: HttpRequest) -> bool:
    """Tell whether somebody proved lately who they are."""
    return bool(time.time() - request.session.get(sessions.PROVED, 0) <= LASTS)


def demand(request: HttpRequest) -> None:
    """Go on where a proof is recent or comes with the request; else raise ProofNeeded."""
    if not is_recent(request):
        _take(request)
    if request.method == "POST" and ONLY in request.POST:
        raise Proved


def ask(request: HttpRequest, needed: ProofNeeded) -> HttpResponse:
    """Show the question, with all that was sent so that it is sent again."""
    user = request.user
    posted = request.method == "POST"
    # A new password is typed again rather than written into a page.
    fields = [
        (name, value)
        for name, values in (request.POST.lists() if posted else ())
        for value in values
        if name not in OWN_FIELDS and "password" not in name
    ]
    context = {
        "problem": str(needed), "fields": fields, "only": not posted or ONLY in request.POST,
        "has_password": isinstance(user, User) and user.has_usable_password(), "minutes": LASTS // 60,
    }  # fmt: skip
    return render(request, "access/proof.html", context, status=403)


def _take(request: HttpRequest) -> None:
    password, link = request.POST.get(PASSWORD, ""), request.POST.get(LINK, "").strip()
    if not password and not link:
        raise ProofNeeded
    wrong = _wrong_link(request, link) if link else _wrong_password(request, password)
    if wrong:
        strangers.record(Kind.SIGN_IN_FAILED, f"Who is there was not proved: {wrong}", by=request.user)
        raise ProofNeeded(wrong)
    request.session[sessions.PROVED] = int(time.time())
    request.session.cycle_key()
    audit.record(
        Kind.PROOF, f"Proved who is there, by {'a one-time link' if link else 'the password'}.", by=request.user
    )


def _wrong_password(request: HttpRequest, password: str) -> str:
    asked = {"account": request.user.get_username(), "address": origin.address_of(request)}
    admission = throttle.ask(**asked)
    if not admission.granted:
        return f"Too many wrong passwords: try again in {admission.minutes} minutes, or use a link."
    if authenticate(request, username=asked["account"], password=password) != request.user:
        return "This is not the password."
    throttle.succeeded(**asked)
    return ""


def _wrong_link(request: HttpRequest, link: str) -> str:
    token = parse_qs(urlsplit(link).query).get("sesame", [link])[0]
    if get_user(token) != request.user:
        return "This link is none of yours, was used, or is too old."
    return ""
