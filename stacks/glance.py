"""What a machine's card tells that takes too long to find out for a page: sampled by its worker, about once a minute.

`backed_up_at`: when a backup last ended well, in seconds since the epoch, None for never. Other apps add theirs, so
that `stacks` need not know them: `kernels` adds `kernels_running`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stacks.models import Machine, Operation

Source = Callable[[Machine], dict[str, Any]]
_sources: list[Source] = []


def add_source(source: Source) -> None:
    """Ask one more function for a sample of this machine: JSON types, under names of its own."""
    if source not in _sources:
        _sources.append(source)


def sample(machine: Machine) -> dict[str, Any]:
    """Take a sample of this machine."""
    good = machine.operations.filter(kind=Operation.Kind.BACKUP, state=Operation.State.SUCCEEDED)
    last = good.values_list("finished_at", flat=True).first()
    found: dict[str, Any] = {"backed_up_at": last.timestamp() if last else None}
    for source in _sources:
        found |= source(machine)
    return found
