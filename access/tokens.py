"""Tokens for programs: `dls_PREFIX_SECRET` (access.credentials)."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from access import audit, credentials, roles
from access.models import AuditEntry, Token
from access.roles import RIGHTS, Role
from stacks.engine.errors import Refused

MARK = "dls"
LONGEST_DAYS = 366
USE_NOTED_EVERY = timedelta(minutes=1)


def issue(*, user: User, name: str, role: str, days: int, by: User) -> tuple[Token, str]:
    """Make a token and give it with its text, which nobody can read again; raises Refused beyond the owner's role."""
    own = roles.of(user)
    if own is None or role not in list(Role)[: list(Role).index(own) + 1]:
        raise Refused(f"{user} is {own or 'without a role'}: a token cannot be {role}.")
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused(f"A token lasts 1 to {LONGEST_DAYS} days.")
    text, prefix, digest = credentials.mint(MARK)
    with transaction.atomic():
        expires = timezone.now() + timedelta(days=days)
        token = Token.objects.create(user=user, name=name, prefix=prefix, digest=digest, role=role, expires_at=expires)
        said = f"The token “{name}” (dls_{prefix}…) of {user} was made: {role}, until {expires:%Y-%m-%d}."
        audit.record(AuditEntry.Kind.TOKEN, said, by=by, new=role)
    return token, text


def find(text: str) -> Token | None:
    """Give the token that a text is: one that is neither revoked nor over, and whose owner is not shut out."""
    prefix = credentials.prefix_of(text, MARK)
    found = usable().select_related("user").filter(prefix=prefix).first() if prefix else None
    return found if found is not None and credentials.is_text_of(text, found.digest) else None


def usable() -> QuerySet[Token]:
    """Give the tokens that open anything."""
    return Token.objects.filter(revoked_at=None, expires_at__gt=timezone.now(), user__is_active=True)


def may(token: Token, right: str) -> bool:
    """Tell whether a token has a right: by its own role, and by its owner's at this moment."""
    return right in RIGHTS[Role(token.role)] and token.user.has_perm(right)


def use(token: Token, *, address: str) -> None:
    """Note when a token was used last, and from where; once a minute is enough."""
    now = timezone.now()
    long_ago = Q(used_at=None) | Q(used_at__lt=now - USE_NOTED_EVERY) | ~Q(used_from=address)
    Token.objects.filter(long_ago, pk=token.pk).update(used_at=now, used_from=address)


def revoke(*, token: Token, by: User) -> None:
    """Make a token useless, now; twice is the same as once."""
    with transaction.atomic():
        if Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            audit.record(
                AuditEntry.Kind.TOKEN, f"The token “{token}” of {token.user} was revoked.", by=by, old=token.role
            )
