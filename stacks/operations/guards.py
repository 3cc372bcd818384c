"""What a role, a freeze, a freeze window or a mark forbids; looked at when asked, and again when it is begun."""

from __future__ import annotations

from django.contrib.auth.models import User

from access import roles
from access.roles import DELETE, MACHINES, OPERATE
from stacks import marks, windows
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation

Kind = Operation.Kind
# A revert and a restore bring production back: a freeze never stands in their way.
FROZEN = frozenset({Kind.DEPLOY, Kind.DISCARD, Kind.KERNEL_INSTALL, Kind.KERNEL_REMOVE})
RIGHTS = {
    **dict.fromkeys((Kind.REMOVE, Kind.PRUNE, Kind.DISCARD), DELETE),
    **dict.fromkeys((Kind.ADOPT, Kind.CONVERT, Kind.PROVISION, Kind.CONFIGURE), MACHINES),
}
BARRED = {Kind.DEPLOY: "deployed", Kind.REVERT: "reverted to", Kind.REMOVE: "deleted"}


def right_for(kind: str) -> str:
    """Name the right that an operation of a kind needs."""
    return RIGHTS.get(Kind(kind), OPERATE)


def refuse_unless_allowed(*, by: User | None, right: str) -> None:
    """Raise Refused unless somebody has a right at this moment; who types on the machine itself (None) needs none."""
    if by is None:
        return
    now = User.objects.get(pk=by.pk)  # another object: one that was asked before knows the rights of that time
    if not now.is_active:
        raise Refused(f"The account {now} is closed: nothing is done for it.")
    if not now.has_perm(right):
        raise Refused(roles.lacking(now, right))


def refuse_if_barred(*, machine: Machine, kind: str, version: str = "") -> None:
    """Raise Refused, with who, when and why, for a deploy of a frozen machine and for a version that is marked bad."""
    if kind in FROZEN:
        refuse_if_frozen(machine)
        windows.refuse_if_open(machine)
    if kind in BARRED and version:
        _refuse_if_bad(machine, version, BARRED[Kind(kind)])


def refuse_if_frozen(machine: Machine) -> None:
    """Raise Refused when a machine is frozen."""
    said = marks.frozen(Machine.objects.select_related("frozen_by").get(pk=machine.pk))
    if said:
        raise Refused(f"{said} Revert and restore work; for all else unfreeze {machine.name} first.")


def _refuse_if_bad(machine: Machine, name: str, done: str) -> None:
    row = machine.versions.filter(name=name, removed_at=None, bad_since__isnull=False).select_related("bad_by").first()
    if row is not None:
        raise Refused(f"{marks.bad(row)} It is not {done} until somebody clears the mark, with a reason, on its page.")
