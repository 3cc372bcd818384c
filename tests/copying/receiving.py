"""The machine that copies, and versions to copy; without Django, so that it can be a process of its own."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.engine import versions
from stacks.engine.layout import Layout
from stacks.engine.versions import Description
from stacks.plans import Context
from tests.copying.sshd import Server
from tests.engine.conftest import Runner, make_version

Files = dict[str, str]


@dataclass
class Receiver(Runner):
    """The machine that copies: a root of its own, and how it reaches the other."""

    source: Layout = field(kw_only=True)
    server: Server = field(kw_only=True)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)  # what happens when a step begins

    def step_started(self, name: str) -> None:
        super().step_started(name)
        self.meanwhile.pop(name, lambda: None)()

    def context(self, parameters: dict[str, Any], fd: int | None = None) -> Context:
        made = super().context(parameters, fd)
        made.wire = self.server.wire
        return made

    def asked(self, name: str, **more: Any) -> dict[str, Any]:
        """Give the parameters of a copy, as the control plane would."""
        there = versions.describe(self.source, name)
        assert there is not None
        return {
            "version": name,
            "uuid": there.uuid,
            "manifest": there.manifest,
            "generation": 7,
            "root": str(self.layout.root),
            "source": "gp02",
            "address": self.server.address,
            **more,
        }

    def copy(self, name: str, **more: Any) -> dict[str, Any]:
        return self.run("copy", **self.asked(name, **more))


def noise(size: int, seed: int = 1) -> str:
    """Make text that nothing can compress to almost nothing."""
    return random.Random(seed).randbytes(size // 2).hex()


def stack(number: int = 60, size: int = 20_000, **more: str) -> Files:
    """Make the files of a version: packages of some size, and whatever else is given."""
    packages = {f"anaconda3/lib/p{at}/m.py": noise(size, at) for at in range(number)}
    return {**packages, "anaconda3/bin/python": "#!", **more}


def seal(layout: Layout, name: str, files: Files, **more: Any) -> Description:
    return make_version(layout, name, files, mtime=1_700_000_000, **more)


def halves(layout: Layout) -> list[Path]:
    """Name the half-made copies of a root."""
    place = layout.state / "copies"
    return sorted(place.iterdir()) if place.is_dir() else []


def is_root() -> bool:
    return os.geteuid() == 0
