"""What a freeze of a machine or a mark on a version forbids; looked at when asked, and again when it is begun."""

from __future__ import annotations

from stacks import marks
from stacks.engine.errors import Refused
from stacks.models import Machine, Operation

Kind = Operation.Kind
# A revert and a restore bring production back: a freeze never stands in their way.
FROZEN = frozenset({Kind.DEPLOY, Kind.DISCARD, Kind.KERNEL_INSTALL, Kind.KERNEL_REMOVE})
BARRED = {Kind.DEPLOY: "deployed", Kind.REVERT: "reverted to", Kind.REMOVE: "deleted"}


def refuse_if_barred(*, machine: Machine, kind: str, version: str = "") -> None:
    """Raise Refused, with who, when and why, for a deploy of a frozen machine and for a version that is marked bad."""
    if kind in FROZEN:
        refuse_if_frozen(machine)
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
