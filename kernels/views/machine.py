"""The kernels of one machine: of what is live, or of one of its versions, with what was found."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from kernels import seen
from kernels.latest import Check, judge, latest
from kernels.models import Depth
from stacks.engine.errors import Refused
from stacks.http import Request, viewing
from stacks.models import Machine


@viewing
def machine(request: Request, name: str) -> HttpResponse:
    """Show the kernels of what is live, or of `?version=`."""
    found = get_object_or_404(Machine, name=name)
    asked = request.GET.get("version", "")
    if asked:
        get_object_or_404(found.versions, name=asked, removed_at=None)
    refusal = ""
    try:
        inventory = seen.kernels(found, asked)
    except Refused as told:  # it is on record, but not on disk any more
        inventory, refusal = seen.Seen(asked, []), str(told)
    context = {
        "machine": found, "asked": asked, "seen": inventory, "refusal": refusal, "depths": Depth.choices,
        "versions": found.versions.filter(removed_at=None).only("name", "machine"),
        "kernels": _judged(found, inventory), "running": [] if asked else seen.running(found),
    }  # fmt: skip
    return render(request, "kernels/machine.html", context)


Shown = tuple[dict[str, Any], list[Check], str]


def _judged(machine: Machine, inventory: seen.Seen) -> list[Shown]:
    """Give each kernel with its last checks and how it is by those and by its files, those that failed first."""
    known = latest([machine.pk], [inventory.version], output=True)
    checks = {key[2:]: rows for key, rows in known.items()}
    shown = []
    for kernel in inventory.kernels:
        rows = sorted(checks.get((kernel["environment"], kernel["name"]), []), key=lambda row: _ORDER[row.depth])
        told = judge(rows)
        state = "failed" if told is not None and told.failed else kernel["state"]
        shown.append((kernel, rows, state))
    return sorted(shown, key=lambda item: item[2] != "failed")


_ORDER = {depth: number for number, depth in enumerate(Depth.values)}
