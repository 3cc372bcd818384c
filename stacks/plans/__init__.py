"""Plans: what each kind of operation does, step by step; one module per kind and one line here."""

from __future__ import annotations

from collections.abc import Callable

from stacks.engine import keeping
from stacks.engine.errors import Refused
from stacks.engine.stop import Stop
from stacks.plans import (
    adopt,
    backup,
    build,
    configure,
    copying,
    deploy,
    discard,
    kernel_check,
    kernels,
    provision,
    removal,
    restore,
    revert,
    solve,
    verify,
)
from stacks.plans.base import Context, Observer, Plan, Step, execute, outcome_of

PLANS: dict[str, Callable[[Context], Plan]] = {
    "build": build.plan,
    "solve": solve.plan,
    "copy": copying.plan,
    "deploy": deploy.plan,
    "revert": revert.plan,
    "restore": restore.plan,
    "backup": backup.plan,
    "verify": verify.plan,
    "remove": removal.remove,
    "prune": removal.prune,
    "discard": discard.plan,
    "adopt": adopt.adopt,
    "convert": adopt.convert,
    "configure": configure.plan,
    "provision": provision.plan,
    "kernel-install": kernels.install,
    "kernel-remove": kernels.remove,
    "kernel-check": kernel_check.plan,
}

# What only adds or takes away versions that nobody runs never stands in the way of a revert (invariant 6).
LANES: dict[str, str] = {
    **dict.fromkeys(("deploy", "revert", "restore", "discard", "adopt", "convert", "provision"), "live"),
    **dict.fromkeys(("kernel-install", "kernel-remove"), "live"),
    **dict.fromkeys(
        ("build", "solve", "copy", "backup", "verify", "remove", "prune", "configure", "kernel-check"), "build"
    ),
}


def plan_for(kind: str, context: Context) -> Plan:
    """Make the plan of an operation; reads the disk, changes nothing, raises Refused when it cannot be carried out."""
    if kind not in PLANS:
        raise Refused(f"There is no operation “{kind}”; there are: {', '.join(PLANS)}.")
    with keeping.until_the_end():
        return PLANS[kind](context)


__all__ = ["LANES", "PLANS", "Context", "Observer", "Plan", "Step", "Stop", "execute", "outcome_of", "plan_for"]
