"""What tears the tree that users run from asks again who is there."""

from __future__ import annotations

from access import proof
from stacks.http import Request
from stacks.models import Machine


def demand_proof(request: Request, machine: Machine) -> None:
    """Ask who is there before a deploy or revert where one tree is all there is (layout in-place)."""
    if machine.layout == Machine.Layout.IN_PLACE:
        proof.demand(request)
