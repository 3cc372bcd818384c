"""The health gate: the kernels of a version are started at the live path before users get it, and after (design §7)."""

from __future__ import annotations

from pathlib import Path

from stacks.engine import kernelspecs, launch
from stacks.engine.errors import Failed
from stacks.engine.launch import Health
from stacks.engine.sandbox import Sandbox
from stacks.engine.versions import Description
from stacks.plans.base import Context


def gate(context: Context, description: Description, tree: Path) -> None:
    """Start every kernel of a staged tree; raise Failed when a required one does not answer, unless overridden."""
    checked = _launch_all(context, description, tree, launch.staged(context.layout, context.owner, tree))
    context.outcome["kernels"] = [_plain(health) for health in checked]
    _judge(context, description, checked)


def confirm(context: Context, description: Description) -> None:
    """Start the required kernels through the live path, as users would; raise Failed when one does not answer."""
    guest = launch.live(context.layout, context.owner)
    wanted = _required(description)
    checked = _launch_all(context, description, context.layout.live, guest, only=wanted)
    _judge(context, description, checked)


def _launch_all(
    context: Context, description: Description, tree: Path, guest: Sandbox, only: set[str] | None = None
) -> list[Health]:
    checked = []
    found = [item for item in kernelspecs.find(tree) if only is None or item.name in only]
    for number, item in enumerate(found):
        context.stop.check()
        context.advance(number, len(found), "kernels")
        health = launch.launch(item, guest)
        if health.healthy:
            context.note(f"{item.name}: ready after {health.seconds:.1f} s.")
        else:
            context.tell("warning", f"{item.name}: {health.reason}")
            for line in health.output.splitlines()[-20:]:
                context.tell("output", line)
        checked.append(health)
    return checked


def _required(description: Description) -> set[str]:
    return {str(spec["name"]) for spec in description.kernelspecs if spec.get("required")}


def _judge(context: Context, description: Description, checked: list[Health]) -> None:
    well = {health.name for health in checked if health.healthy}
    ill = sorted(_required(description) - well)
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


def _plain(health: Health) -> dict[str, object]:
    return {"name": health.name, "healthy": health.healthy, "seconds": health.seconds, "reason": health.reason}
