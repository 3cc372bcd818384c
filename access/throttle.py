"""Tries to sign in by password: counted before the password is looked at, so that tries at once count too.

A one-time link needs none of this: it is signed, cannot be guessed, and is the way in when others use up the tries.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Min, Q
from django.utils import timezone

from access.exclusive import exclusively
from access.models import SignInTry

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10
PER_ADDRESS = 50


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a password may be looked at; where not, after how many minutes again."""

    granted: bool
    minutes: int = 0


def ask(*, account: str, address: str) -> Admission:
    """Count one try, of an account from anywhere and from an address at any account; beyond a limit refuse it."""
    now, name = timezone.now(), _digest(account)
    with exclusively("sign-in"):
        recent = SignInTry.objects.filter(at__gt=now - WINDOW)
        for found, most in ((recent.filter(account=name), PER_ACCOUNT), (recent.filter(address=address), PER_ADDRESS)):
            if found.count() >= most:
                oldest = found.aggregate(at=Min("at"))["at"]
                return Admission(granted=False, minutes=max(1, -(-(oldest + WINDOW - now).seconds // 60)))
        SignInTry.objects.create(account=name, address=address, at=now)
    return Admission(granted=True)


def succeeded(*, account: str, address: str) -> None:
    """Give back the tries of an account from the address where the right password was known; those of others count."""
    SignInTry.objects.filter(account=_digest(account), address=address).delete()


def forget() -> int:
    """Remove the tries that count no more."""
    removed, _ = SignInTry.objects.filter(Q(at__lte=timezone.now() - WINDOW)).delete()
    return removed


def _digest(account: str) -> str:
    # Keyed, because people type passwords where the name belongs.
    key = settings.DLSTACK.derived_secret("tries").encode()
    typed = account.casefold().encode("utf-8", "replace")
    return hashlib.blake2b(typed, key=key[:64], digest_size=32).hexdigest()
