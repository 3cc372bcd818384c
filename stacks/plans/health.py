"""The health gate: the kernels of a version are started at the live path before users get it, and after (design §7)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from stacks.engine import launch
from stacks.engine.errors import Failed
from stacks.engine.kernels import checks, inventory
from stacks.engine.kernels.checks import Verdict
from stacks.engine.sandbox import Sandbox
from stacks.engine.versions import Description
from stacks.plans.base import Context
from stacks.plans.kernel_check import tell


def gate(context: Context, description: Description, tree: Path, *, only: Collection[str] | None = None) -> None:
    """Start every kernel of a staged tree; raise Failed when a required one does not answer, unless overridden.

    With `only` those are started that it names, and each of them counts as required.
    """
    checked = _launch_all(context, description, tree, launch.staged(context.layout, context.owner, tree), only=only)
    context.outcome["kernels"] = [_plain(verdict) for verdict in checked]
    _judge(context, description, checked, only)


def confirm(context: Context, description: Description) -> None:
    """Start the required kernels through the live path, as users would; raise Failed when one does not answer."""
    guest = launch.live(context.layout, context.owner)
    wanted = {name for _, name in _required(description)}
    checked = _launch_all(context, description, context.layout.live, guest, only=wanted)
    _judge(context, description, checked, None)


def _launch_all(
    context: Context, description: Description, tree: Path, guest: Sandbox, *, only: Collection[str] | None
) -> list[Verdict]:
    sight = checks.sight_of(context.layout, tree, description)
    own = [kernel for kernel in inventory.take(sight) if kernel.environment]
    found = [kernel for kernel in own if only is None or kernel.name in only]
    checked = []
    for number, kernel in enumerate(found):
        context.advance(number, len(found), "kernels")
        verdict = checks.check(kernel, sight, guest, "launch", stop=context.stop)
        tell(context, verdict)
        checked.append(verdict)
    return checked


def _required(description: Description) -> set[tuple[str, str]]:
    required = (spec for spec in description.kernelspecs if spec.get("required"))
    return {(str(spec.get("environment", "")), str(spec["name"])) for spec in required}


def _judge(context: Context, description: Description, checked: list[Verdict], only: Collection[str] | None) -> None:
    well = {(verdict.environment, verdict.name) for verdict in checked if verdict.state == "ok"}
    wanted = _required(description)
    if only is not None:
        wanted = {(verdict.environment, verdict.name) for verdict in checked}
    ill = sorted(name for _, name in wanted - well)
    context.outcome["healthy"] = not ill
    if not ill:
        return
    if context.parameters.get("override_health"):
        context.tell("warning", f"Required kernels do not answer ({', '.join(ill)}); deployed all the same, as asked.")
        return
    raise Failed(
        f"The required kernel “{ill[0]}” of “{description.name}” does not answer"
        f"{f' (nor do {len(ill) - 1} more)' if len(ill) > 1 else ''}: see its output above. "
        "Mend the recipe and build again, or deploy with an override and a reason."
    )


def _plain(verdict: Verdict) -> dict[str, object]:
    return verdict.plain() | {"healthy": verdict.state == "ok"}
