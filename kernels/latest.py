"""What the checks of a kernel come to: of each depth the latest counts; a failure counts until that depth passes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Max

from kernels.models import Depth, KernelCheck

_DEPTH = {depth: number for number, depth in enumerate(Depth.values)}
Key = tuple[int, str, str, str]  # machine, version, environment, kernel


def latest(
    machines: Collection[int],
    versions: Collection[str],
    *,
    kernels: Collection[str] | None = None,
    output: bool = False,
) -> dict[Key, list[KernelCheck]]:
    """Give the latest check of each depth of each kernel of these versions on these machines, in one query.

    With `kernels` of those names alone; what a check printed is read only with `output`.
    """
    named = {} if kernels is None else {"name__in": kernels}
    asked = KernelCheck.objects.filter(machine__in=machines, version__in=versions, **named).order_by()
    newest = asked.values("machine", "version", "environment", "name", "depth").annotate(last=Max("pk"))
    rows = KernelCheck.objects.filter(pk__in=newest.values("last")).order_by("pk")
    found: dict[Key, list[KernelCheck]] = {}
    for row in rows if output else rows.defer("output"):
        found.setdefault((row.machine_id, row.version, row.environment, row.name), []).append(row)
    return found


def judge(checks: Iterable[KernelCheck]) -> KernelCheck | None:
    """Give the check that tells how a kernel is: the newest failure that no deeper or equal check has refuted.

    Else the deepest that passed; None where nothing was checked.
    """
    known = sorted(checks, key=lambda check: check.pk)
    failed = [check for check in known if check.state == KernelCheck.State.FAILED and not _is_refuted(check, known)]
    if failed:
        return failed[-1]
    passed = [check for check in known if check.state == KernelCheck.State.OK]
    return max(passed, key=lambda check: (_DEPTH[check.depth], check.pk), default=None)


def _is_refuted(failure: KernelCheck, known: Iterable[KernelCheck]) -> bool:
    return any(
        check.state == KernelCheck.State.OK and check.pk > failure.pk and _DEPTH[check.depth] >= _DEPTH[failure.depth]
        for check in known
    )
