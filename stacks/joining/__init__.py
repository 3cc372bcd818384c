"""How machines join: an admin makes a token, a machine sends it once and is given what its workers need (adr/0022)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from access import audit, credentials
from access.models import AuditEntry
from access.roles import MACHINES
from stacks import compatibility, program
from stacks.engine.errors import Refused
from stacks.joining import reach
from stacks.models import Joining, Machine
from stacks.operations.guards import refuse_unless_allowed

MARK = "dlj"
LASTS = timedelta(hours=1)


def hindrance() -> str:
    """Say why no machine can join this control plane, "" where one can."""
    ours = settings.DLSTACK
    return reach.not_shared(ours.database_url) or reach.hindrance(ours.database_of_machines, ours.broker_of_machines)


def remarks() -> list[str]:
    """Say what only a machine on this very host could reach."""
    return reach.remarks(settings.DLSTACK.database_of_machines, settings.DLSTACK.broker_of_machines)


def invite(*, name: str, root: str, layout: str, owner: str, by: User) -> tuple[Joining, str]:
    """Make a token for a new machine, and give it with its text, which nobody can read again.

    An older one of the same name is withdrawn. Raises Refused where there is such a machine already.
    """
    refuse_own_name(name)
    if Machine.objects.filter(name=name).exists():
        raise Refused(f"There is a machine “{name}” already: choose another name, or let that one join again.")
    return _make({"name": name, "root": root, "layout": layout, "owner": owner}, by=by)


def refuse_own_name(name: str) -> None:
    """Raise Refused for the name under which these pages look at the disk of their own host."""
    if name == settings.DLSTACK.machine:
        raise Refused(f"“{name}” means the host of these pages (DLSTACK_MACHINE): choose another name.")


def invite_again(*, machine: Machine, by: User) -> tuple[Joining, str]:
    """Make a token for a machine that is here: it lost its environment file, got another name, or never answered."""
    described = {"name": machine.name, "root": machine.root, "layout": machine.layout, "owner": machine.owner}
    return _make({**described, "machine": machine}, by=by)


def _make(described: dict[str, Any], *, by: User) -> tuple[Joining, str]:
    refuse_unless_allowed(by=by, right=MACHINES)
    if why := hindrance():
        raise Refused(f"No other machine can join: {why}")
    text, prefix, digest = credentials.mint(MARK)
    expires = timezone.now() + LASTS
    try:
        with transaction.atomic():
            withdrawn = retire(described["name"])
            made = Joining.objects.create(**described, prefix=prefix, digest=digest, created_by=by, expires_at=expires)
            note_withdrawn(withdrawn, by=by)
            what = f"root {made.root}, layout {made.layout}, owner {made.owner or 'its own choice'}"
            _note(made, f"was made for the machine {made.name} until {expires:%H:%M} UTC ({what}).", by=by)
    except IntegrityError:
        raise Refused(
            f"Somebody else made a token for {described['name']} at this moment: look, then try again."
        ) from None
    return made, text


def withdraw(*, joining: Joining, by: User) -> bool:
    """Make a token useless, now; False where it was used or withdrawn before."""
    with transaction.atomic():
        rows = Joining.objects.filter(pk=joining.pk, used_at=None, withdrawn_at=None)
        if not rows.update(withdrawn_at=timezone.now()):
            return False
        note_withdrawn([joining], by=by)
    return True


def retire(name: str) -> list[Joining]:
    """Make the tokens of a name useless, in a transaction that ends with `note_withdrawn` of what this gives."""
    found = list(Joining.objects.select_for_update().filter(name=name, used_at=None, withdrawn_at=None))
    Joining.objects.filter(pk__in=[one.pk for one in found]).update(withdrawn_at=timezone.now())
    return found


def note_withdrawn(withdrawn: Iterable[Joining], *, by: User) -> None:
    """Keep on the audit trail that tokens were withdrawn; like each entry last, since writers wait for one another."""
    for joining in withdrawn:
        _note(joining, f"for the machine {joining.name} was withdrawn.", by=by)


def find(text: str) -> Joining | None:
    """Give the token that a text is, used or not, over or not; None where it is none."""
    prefix = credentials.prefix_of(text, MARK)
    found = Joining.objects.select_related("machine", "created_by").filter(prefix=prefix).first() if prefix else None
    return found if found is not None and credentials.is_text_of(text, found.digest) else None


def told(joining: Joining) -> dict[str, Any]:
    """Give what a machine may know before its token is used: what it is to be, and which program is meant.

    Raises Refused where the token opens nothing.
    """
    _refuse_unless_good(joining)
    described = {"machine": joining.name, "root": joining.root, "layout": joining.layout, "owner": joining.owner}
    return {**described, "version": program.version(), "schema": compatibility.schema()}


def use(joining: Joining, *, address: str) -> dict[str, str]:
    """Use a token: the machine is here from now on, and is given the variables of its environment file.

    Raises Refused where the token opens nothing; of two that use it at once, one is refused.
    """
    _refuse_unless_good(joining)
    with transaction.atomic():
        now = timezone.now()
        rows = Joining.objects.filter(pk=joining.pk, used_at=None, withdrawn_at=None, expires_at__gt=now)
        if not rows.update(used_at=now, used_from=address):
            joining.refresh_from_db()
            raise Refused(over(joining))
        machine = joining.machine or _added(joining)
        Machine.objects.filter(pk=machine.pk).update(awaited_since=Now())
        Joining.objects.filter(pk=joining.pk).update(machine=machine)
        machine.refresh_from_db()
        _note(joining, f"was used: {machine.name} joined, with the root {machine.root}.")
    return _variables(machine)


def over(joining: Joining) -> str:
    """Say why a token opens nothing any more, "" while it does."""
    if joining.used_at:
        said = f"was used already, {joining.used_at:%Y-%m-%d %H:%M} UTC from {joining.used_from}: it works once"
    elif joining.withdrawn_at:
        said = f"was withdrawn, {joining.withdrawn_at:%Y-%m-%d %H:%M} UTC"
    elif not joining.is_open:
        said = f"is over since {joining.expires_at:%Y-%m-%d %H:%M} UTC"
    else:
        return ""
    return f"This join token {said}. Make a new one on the page of the machines."


def _refuse_unless_good(joining: Joining) -> None:
    if said := over(joining):
        raise Refused(said)
    refuse_unless_allowed(by=joining.created_by, right=MACHINES)
    if why := hindrance():
        raise Refused(f"No other machine can join: {why}")


def _added(joining: Joining) -> Machine:
    try:
        with transaction.atomic():
            return Machine.objects.create(
                name=joining.name, root=joining.root, layout=joining.layout, owner=joining.owner
            )
    except IntegrityError:
        raise Refused(
            f"There is a machine “{joining.name}” meanwhile: let that one join again, from its page."
        ) from None


def _variables(machine: Machine) -> dict[str, str]:
    ours = settings.DLSTACK
    given = {
        "DLSTACK_MACHINE": machine.name, "DLSTACK_ROOT": machine.root, "DLSTACK_OWNER": machine.owner,
        "DATABASE_URL": ours.database_of_machines, "REDIS_URL": ours.broker_of_machines,
        "DLSTACK_SECRET_KEY": ours.secret, "DLSTACK_ALLOWED_SOURCES": ours.allowed_sources or "",
    }  # fmt: skip
    return {name: value for name, value in given.items() if value}


def _note(joining: Joining, done: str, *, by: User | None = None) -> None:
    what = f"The join token dlj_{joining.prefix}… {done}"
    audit.record(AuditEntry.Kind.MACHINE, what, by=by, machine=joining.name)
