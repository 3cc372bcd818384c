"""The kernels of one machine: of what is live, or of one of its versions, with what was found."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from kernels import seen
from kernels.latest import latest
from kernels.models import Depth, KernelCheck
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
    checks = latest([found.pk], [inventory.version])
    context = {
        "machine": found, "asked": asked, "seen": inventory, "refusal": refusal, "depths": Depth.choices,
        "versions": found.versions.filter(removed_at=None).only("name"),
        "checks": {(key[2], key[3]): _with_output(rows) for key, rows in checks.items()},
    }  # fmt: skip
    return render(request, "kernels/machine.html", context)


def _with_output(rows: list[KernelCheck]) -> list[KernelCheck]:
    order = list(Depth.values)
    return sorted(rows, key=lambda row: order.index(row.depth))
