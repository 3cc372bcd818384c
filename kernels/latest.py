"""What the checks of a kernel come to: of each depth the latest counts; a failure counts until that depth passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Max, QuerySet

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
    """Give the latest check of each depth of each kernel of these versions on these machines, in few queries.

    With `kernels` of those names alone; what a check printed is read only with `output`, and the time of checks on the
    machines `dated` alone, if given: of thousands, times take the longest to read.
    """
    named = {} if kernels is None else {"name__in": kernels}
    asked = KernelCheck.objects.filter(machine__in=machines, version__in=versions, **named).order_by()
    newest = asked.values("machine", "version", "environment", "name", "depth").annotate(last=Max("pk"))
    names = Check._fields if output else Check._fields[:-1]
    rows = KernelCheck.objects.filter(pk__in=newest.values("last")).order_by("pk")
    if dated is None:
        return _by_kernel(rows.values_list(*names))
    return _by_kernel(_timed(rows, names, dated))


def _timed(rows: QuerySet[KernelCheck], names: Sequence[str], dated: Collection[int]) -> Iterator[tuple[Any, ...]]:
    place = names.index("checked_at")
    found = list(rows.values_list(*names[:place], *names[place + 1 :]))
    shown = [pk for pk, machine, *_ in found if machine in dated]
    times = dict(KernelCheck.objects.filter(pk__in=shown).values_list("pk", "checked_at"))
    return ((*row[:place], times.get(row[0]), *row[place:]) for row in found)


def _by_kernel(rows: Iterable[tuple[Any, ...]]) -> dict[Key, list[Check]]:
    found: dict[Key, list[Check]] = {}
    for row in rows:
        found.setdefault(row[1:5], []).append(Check(*row))
    return found


def judge(checks: Iterable[Check]) -> Check | None:
    """Give the check that tells how a kernel is: the newest failure that no deeper or equal check has refuted.

    Else the deepest that passed; None where nothing was checked.
    """
    known = list(checks)
    if len(known) == 1:  # nearly all; a page judges thousands
        return known[0]
    known.sort(key=lambda check: check.pk)
    failed = [check for check in known if check.failed and not _is_refuted(check, known)]
    if failed:
        return failed[-1]
    passed = [check for check in known if not check.failed]
    return max(passed, key=lambda check: (_DEPTH[check.depth], check.pk), default=None)


def _is_refuted(failure: Check, known: Iterable[Check]) -> bool:
    return any(
        not check.failed and check.pk > failure.pk and _DEPTH[check.depth] >= _DEPTH[failure.depth] for check in known
    )
