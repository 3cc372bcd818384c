"""Every write to somebody's account."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from sesame.utils import get_query_string

from access import audit, roles, sessions
from access.exclusive import exclusively
from access.models import AuditEntry
from access.roles import Role
from stacks.engine.errors import Refused

Kind = AuditEntry.Kind


def everybody() -> QuerySet[User]:
    """Give all accounts, by name."""
    return User.objects.prefetch_related("groups").order_by("username")


def named(name: str) -> User:
    """Find an account; raises Refused that lists them."""
    found = User.objects.filter(username=name).first()
    if found is None:
        known = ", ".join(User.objects.order_by("username").values_list("username", flat=True)[:20]) or "none"
        raise Refused(f"There is no account “{name}”; there are: {known}.")
    return found


def add(*, name: str, role: str, by: User | None) -> User:
    """Add an account without a password, which a one-time link opens; raises Refused for a bad or taken name."""
    given = _checked(role)
    try:
        User(username=name).full_clean(exclude=["password"], validate_unique=False)
    except ValidationError as error:
        raise Refused(f"“{name}” cannot be the name of an account: {' '.join(error.messages)}") from None
    with exclusively("people"):
        if not name or User.objects.filter(username__iexact=name).exists():
            raise Refused(f"There is an account “{name}” already." if name else "Give the account a name.")
        user = User.objects.create_user(name)
        roles.assign(user, given)
        audit.record(Kind.PERSON, f"The account {user} was added as {given}.", by=by, new=given)
    return user


def give(*, user: User, role: str, by: User | None) -> None:
    """Give somebody a role instead of the one they have; raises Refused where no admin would be left."""
    given = _checked(role)
    with exclusively("people"):
        before = roles.of(User.objects.get(pk=user.pk))
        if given != Role.ADMIN:
            _refuse_last_admin(user)
            User.objects.filter(pk=user.pk).update(is_superuser=False)
        roles.assign(user, given)
        audit.record(Kind.PERSON, f"{user} is {given} now.", by=by, old=before or "", new=given)


def close(*, user: User, by: User | None) -> None:
    """Shut somebody out: no sign-in, no session, no token; what they did stays on record. Raises Refused as `give`."""
    if user == by:
        raise Refused("This is your own account: another admin can close it.")
    with exclusively("people"):
        _refuse_last_admin(user)
        User.objects.filter(pk=user.pk).update(is_active=False)
        sessions.end_all(user)
        audit.record(Kind.PERSON, f"The account {user} was closed.", by=by, old="open", new="closed")


def reopen(*, user: User, by: User | None) -> None:
    """Let somebody in again."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=True)
        audit.record(Kind.PERSON, f"The account {user} was opened again.", by=by, old="closed", new="open")


def sign_out_everywhere(*, user: User, by: User | None) -> int:
    """End all of somebody's sessions; gives how many there were."""
    with transaction.atomic():
        ended = sessions.end_all(user)
        audit.record(Kind.SIGN_OUT, f"{user} was signed out everywhere: {ended} sessions.", by=by)
    return ended


def set_password(*, user: User, password: str, by: User | None) -> None:
    """Give somebody a new password, and end their sessions, which another password began."""
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        sessions.end_all(user)
        audit.record(Kind.PERSON, f"{user} has a new password.", by=by)


def link(*, user: User, address: str, by: User | None) -> str:
    """Make a link that signs somebody in once, within SESAME_MAX_AGE; raises Refused for a closed account."""
    if not user.is_active:
        raise Refused(f"The account {user} is closed: “dlstack user-set {user} --open” opens it again.")
    audit.record(Kind.PERSON, f"A one-time link for {user} was made.", by=by)
    return f"{address.rstrip('/')}/sign-in/link/{get_query_string(user)}"


def _checked(role: str) -> Role:
    if role not in Role.values:
        raise Refused(f"There is no role “{role}”; there are: {', '.join(Role.values)}.")
    return Role(role)


def _refuse_last_admin(user: User) -> None:
    admins = User.objects.filter(Q(is_superuser=True) | Q(groups__name=Role.ADMIN), is_active=True)
    if admins.filter(pk=user.pk).exists() and not admins.exclude(pk=user.pk).exists():
        raise Refused(f"{user} is the only admin: make somebody else an admin first.")
