"""What the checks of a kernel come to: of each depth the latest counts; a failure counts until that depth passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from django.db.models import Case, F, Max, When

from kernels.models import Depth, KernelCheck

_DEPTH = {depth: number for number, depth in enumerate(Depth.values)}
Key = tuple[int, str, str, str]  # machine, version, environment, kernel


class Check(NamedTuple):
    """What one check found, as `KernelCheck` says it: pages read thousands, for which model instances are slow."""

    pk: int
    machine_id: int
    version: str
    environment: str
    name: str
    depth: str
    state: str
    code: str
    reason: str
    seconds: float
    checked_at: datetime | None
    operation_id: int | None
    output: str = ""

    @property
    def failed(self) -> bool:
        """Tell whether something was wrong."""
        return self.state == KernelCheck.State.FAILED

    @property
    def how_deep(self) -> str:
        """Say how deep the check went."""
        return Depth(self.depth).label


def latest(
    machines: Collection[int],
    versions: Collection[str],
    *,
    kernels: Collection[str] | None = None,
    output: bool = False,
    dated: Collection[int] | None = None,
) -> dict[Key, list[Check]]:
    """Give the latest check of each depth of each kernel of these versions on these machines, in one query.

    With `kernels` of those names alone; what a check printed is read only with `output`, and the time of checks on the
    machines `dated` alone, if given: of thousands, times take the longest to read.
    """
    named = {} if kernels is None else {"name__in": kernels}
    asked = KernelCheck.objects.filter(machine__in=machines, version__in=versions, **named).order_by()
    newest = asked.values("machine", "version", "environment", "name", "depth").annotate(last=Max("pk"))
    names = Check._fields if output else Check._fields[:-1]
    when = F("checked_at") if dated is None else Case(When(machine__in=dated, then="checked_at"))
    columns = ["when" if name == "checked_at" else name for name in names]
    found: dict[Key, list[Check]] = {}
    rows = KernelCheck.objects.filter(pk__in=newest.values("last")).annotate(when=when).order_by("pk")
    for row in rows.values_list(*columns):
        found.setdefault(row[1:5], []).append(Check(*row))
    return found


def judge(checks: Iterable[Check]) -> Check | None:
    """Give the check that tells how a kernel is: the newest failure that no deeper or equal check has refuted.

    Else the deepest that passed; None where nothing was checked.
    """
    known = sorted(checks, key=lambda check: check.pk)
    if len(known) == 1:  # nearly all; a page judges thousands
        return known[0]
    failed = [check for check in known if check.failed and not _is_refuted(check, known)]
    if failed:
        return failed[-1]
    passed = [check for check in known if not check.failed]
    return max(passed, key=lambda check: (_DEPTH[check.depth], check.pk), default=None)


def _is_refuted(failure: Check, known: Iterable[Check]) -> bool:
    return any(
        not check.failed and check.pk > failure.pk and _DEPTH[check.depth] >= _DEPTH[failure.depth] for check in known
    )
