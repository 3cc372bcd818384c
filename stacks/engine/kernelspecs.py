"""Reading kernelspecs from a tree: which there are, and what can be said of each without starting it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.engine.errors import Refused
from stacks.engine.kernels import spec as specs
from stacks.engine.kernels.findings import first_error


@dataclass(frozen=True, slots=True)
class Found:
    """A kernelspec directory of an environment; `file` is its kernel.json where it can be read now."""

    name: str
    environment: str
    file: Path

    @property
    def tree(self) -> Path | None:
        """The tree of its environment, None where it has none."""
        return self.file.parents[5] if self.environment else None


def find(tree: Path) -> list[Found]:
    """List the kernelspecs of every environment of a tree."""
    files = sorted(tree.glob("*/share/jupyter/kernels/*/kernel.json"))
    return [Found(file.parent.name, file.relative_to(tree).parts[0], file) for file in files]


def check(found: Found) -> dict[str, Any]:
    """Read a kernelspec; raise Refused that names what is wrong with it."""
    read = specs.read(found.file, beneath=found.tree)
    if wrong := first_error(read.findings):
        raise Refused(f"“{found.name}”: {wrong.message}")
    return read.spec
