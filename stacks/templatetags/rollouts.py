"""How the states of rollouts and of their machines look; the colours are those of operations."""

from __future__ import annotations

from django import template

register = template.Library()

STATES = {
    "running": ("running", "arrow-path", "Running"),
    "stopped": ("failed", "hand-raised", "Stopped"),
    "reverting": ("running", "arrow-uturn-left", "Reverting"),
    "cancelling": ("running", "arrow-path", "Being cancelled"),
    "succeeded": ("succeeded", "check-circle", "Succeeded"),
    "failed": ("failed", "x-circle", "Failed"),
    "cancelled": ("cancelled", "minus-circle", "Cancelled"),
    "waiting": ("waiting", "ellipsis-horizontal-circle", "Waiting"),
    "skipped": ("cancelled", "minus-circle", "Left as it was"),
    "reverted": ("interrupted", "arrow-uturn-left", "Reverted"),
    "kept": ("interrupted", "exclamation-triangle", "Not reverted"),
}


@register.inclusion_tag("stacks/_state.html")
def rollout_state(name: str) -> dict[str, str]:
    """Show the state of a rollout, or of one of its machines, as icon, word and colour."""
    state, icon, word = STATES[name]
    return {"state": state, "icon": icon, "word": word}
