"""The plan of a check of kernels, of the live tree or of a version; nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from stacks.engine import launch, resident, versions
from stacks.engine.errors import Refused
from stacks.engine.kernels import checks, inventory
from stacks.engine.kernels.checks import DEPTHS, Depth, Verdict
from stacks.engine.kernels.inventory import Kernel, Sight
from stacks.engine.sandbox import Sandbox
from stacks.engine.versions import Description
from stacks.plans.base import Context, Plan, Step


def plan(context: Context) -> Plan:
    """Plan to check kernels; raises Refused when there is no such version, kernel or depth.

    Parameters are `version` (none for what is live), `names` (none for all) and `depth`. The outcome's `kernels` lists
    {name, environment, depth, state, code, reason, seconds, output}, `inventory` all that is known
    of each, and `library` the same of the library's kernelspecs, as they would be in that tree.
    """
    asked = context.parameters
    depth = _depth(asked.get("depth") or "launch")
    work = _Work(context, asked.get("version") or "", depth, list(asked.get("names") or ()))
    how = {
        "static": "by what their files say",
        "interpreter": "by loading what they need",
        "launch": "by starting each and asking it",
    }
    where = f"“{asked['version']}”" if asked.get("version") else "what is live"
    step = Step("check", "Check the kernels", f"Of {where}, {how[depth]}, as their owner, in a sandbox.", work.check)
    return Plan("kernel-check", f"Checks the kernels of {where}, {how[depth]}. Nothing is changed.", (step,))


def _depth(asked: str) -> Depth:
    for depth in DEPTHS:
        if depth == asked:
            return depth
    raise Refused(f"“{asked[:40]}” is no depth of a check: use {', '.join(DEPTHS)}.")


class _Work:
    """What is to be checked: a tree, and the kernels of it."""

    def __init__(self, context: Context, version: str, depth: Depth, names: Collection[str]) -> None:
        self._depth = depth
        self._names = names
        self._version = version
        self.find(context)

    def find(self, context: Context) -> tuple[Sight, Sandbox, list[Kernel]]:
        """Find the tree and its kernels as they are now."""
        layout = context.layout
        if self._version:
            description: Description | None = versions.need_sealed(layout, self._version)
            tree = self._place(context)
            guest = launch.staged(layout, context.owner, tree)
        else:
            tree = Path(os.path.realpath(layout.live))
            if not tree.is_dir():
                raise Refused(f"{layout.live} leads nowhere: deploy a version first.")
            active = resident.active(layout)
            description = versions.sealed(layout, active) if active else None
            guest = launch.live(layout, context.owner)
        sight = checks.sight_of(layout, tree, description)
        found = inventory.take(sight)
        missing = set(self._names) - {kernel.name for kernel in found}
        if missing:
            raise Refused(f"There is no kernelspec “{min(missing)[:80]}” in {tree}.")
        return sight, guest, found

    def _place(self, context: Context) -> Path:
        layout = context.layout
        if self._version in versions.residents(layout):
            return layout.resident(self._version)
        return layout.version(self._version)

    def check(self, context: Context) -> None:
        sight, guest, found = self.find(context)
        asked = [kernel for kernel in found if not self._names or kernel.name in self._names]
        verdicts = []
        for number, kernel in enumerate(asked):
            context.advance(number, len(asked), "kernels")
            verdict = checks.check(kernel, sight, guest, self._depth, stop=context.stop)
            tell(context, verdict)
            verdicts.append(verdict.plain())
        context.advance(len(asked), len(asked), "kernels")
        context.outcome |= {
            "kernels": verdicts,
            "inventory": [kernel.plain() for kernel in found],
            "library": [kernel.plain() for kernel in inventory.of_library(sight)],
            "checked_version": self._version or resident.active(context.layout) or "",
            "live": not self._version,
        }


def tell(context: Context, verdict: Verdict) -> None:
    """Say what came of a check, with what the kernel printed where it is not well."""
    if verdict.state == "ok":
        how = f"ready after {verdict.seconds:.1f} s" if verdict.depth == "launch" else verdict.reason or "nothing wrong"
        context.note(f"{verdict.name}: {how}.")
        return
    context.tell("warning", f"{verdict.name}: {verdict.reason} [{verdict.code}]")
    for line in verdict.output.splitlines()[-20:]:
        context.tell("output", line)
