"""What an operator may choose when a version is deployed or put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from stacks.engine.errors import Refused

Externals = Literal["current", "sealed"]


@dataclass(frozen=True, slots=True)
class Choices:
    """How a version becomes active.

    `externals` keeps the external environments as they are now (“current”) or takes them as they were sealed with the
    version; `override_health` goes on although a required kernel does not answer; `pause` stops the machine's services
    while the link moves.
    """

    externals: Externals = "current"
    override_health: bool = False
    pause: bool = False

    def checked(self, reason: str) -> dict[str, Any]:
        """Give the parameters of what was chosen beside the usual; raises Refused for an override without a reason."""
        if self.externals not in ("current", "sealed"):
            raise Refused(f"External environments are kept “current” or taken “sealed”, not “{self.externals}”.")
        if self.override_health and not reason.strip():
            raise Refused("To go on although a required kernel does not answer, give a reason: it is kept on record.")
        return {
            **({"externals": self.externals} if self.externals != "current" else {}),
            **({"override_health": True} if self.override_health else {}),
            **({"pause": True} if self.pause else {}),
        }


USUAL = Choices()
