"""The terms on which a machine lets guests in: what its settings say about builds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from stacks.engine.limits import Limits
from stacks.engine.sources import Sources


@dataclass(frozen=True)
class Terms:
    """How much guests may take, where from, and in which directory secrets for them lie.

    With `shares_network` a build reaches whatever this machine reaches, its own services too. Where `sees_secrets` is
    false they lie where only the worker can read them: whether one is there is its business.
    """

    limits: Limits = field(default_factory=Limits)
    sources: Sources = field(default_factory=Sources)
    secrets: Path | None = None
    shares_network: bool = False
    sees_secrets: bool = True
