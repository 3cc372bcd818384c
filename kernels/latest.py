"""What the checks of a kernel come to: of each depth the latest counts; a failure counts until that depth passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from django.db.models import Count, Max, QuerySet

from kernels.models import Depth, KernelCheck

_DEPTH = {depth: number for number, depth in enumerate(Depth.values)}
State = Literal["ok", "failed", "unchecked"]
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


class Verdict(NamedTuple):
    """What the checks of a kernel come to, as pages tell it; `seconds` is the time to ready after a launch."""

    state: State = "unchecked"
    depth: str = ""
    code: str = ""
    reason: str = ""
    seconds: float | None = None
    checked_at: datetime | None = None


Latest = dict[Key, list[Check]]
Verdicts = dict[Key, Verdict]


def latest(
    machines: Collection[int],
    versions: Collection[str],
    *,
    kernels: Collection[str] | None = None,
    output: bool = False,
) -> Latest:
    """Give the latest check of each depth of each kernel of these versions on these machines, in one query.

    With `kernels` of those names alone; what a check printed is read only with `output`.
    """
    named = {} if kernels is None else {"name__in": kernels}
    asked = _of(machines, versions).filter(**named)
    newest = asked.values("machine", "version", "environment", "name", "depth").annotate(last=Max("pk"))
    names = Check._fields if output else Check._fields[:-1]
    rows = KernelCheck.objects.filter(pk__in=newest.values("last")).order_by("pk")
    return _by_kernel(rows.values_list(*names))


def verdicts(machines: Collection[int], versions: Collection[str]) -> Verdicts:
    """Tell how each kernel that was checked is, never to be changed: read again only where checks have come.

    Costs two queries then, else one.
    """
    ends = _of(machines, versions).aggregate(Count("pk"), Max("pk"), Max("checked_at"))
    return read_once(frozenset(machines), frozenset(versions), *ends.values())


@lru_cache(maxsize=8)
def read_once(machines: frozenset[int], versions: frozenset[str], *_ends: object) -> Verdicts:
    """Judge what `latest` gives, again where the number of the checks or their last one is another."""
    return {key: _verdict(told) for key, checks in latest(machines, versions).items() if (told := judge(checks))}


def _verdict(check: Check) -> Verdict:
    state: State = "failed" if check.failed else "ok"
    seconds = check.seconds if check.depth == Depth.LAUNCH and state == "ok" else None
    return Verdict(state, check.depth, check.code, check.reason, seconds, check.checked_at)


def _of(machines: Collection[int], versions: Collection[str]) -> QuerySet[KernelCheck]:
    return KernelCheck.objects.filter(machine__in=machines, version__in=versions).order_by()


def _by_kernel(rows: Iterable[tuple[Any, ...]]) -> Latest:
    found: Latest = {}
    for row in rows:
        found.setdefault(row[1:5], []).append(Check(*row))
    return found


def judge(checks: Iterable[Check]) -> Check | None:
    """Give the check that tells how a kernel is: the newest failure that no deeper or equal check has refuted.

    Else the deepest that passed; None where nothing was checked.
    """
    known = list(checks)
    if len(known) == 1:  # nearly all of thousands
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
