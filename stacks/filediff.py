"""Which files differ between two versions, by their manifests."""

from __future__ import annotations

from pathlib import Path

from stacks import observation
from stacks.engine import manifest, versions
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.manifest import Difference
from stacks.models import Machine
from stacks.storable import storable


def between(machine: Machine, before: str, after: str) -> list[Difference]:
    """Compare the manifests of two versions; raises Refused where one is not sealed, or on another machine's disk."""
    if not observation.is_here(machine):
        raise Refused(f"{machine.name} is another machine: its manifests lie on its own disk.")
    layout = Layout(Path(machine.root))
    trees = [versions.tree(layout, versions.need_sealed(layout, name).name) for name in (before, after)]
    found = manifest.between(trees[0].manifest, trees[1].manifest)
    return [item._replace(path=storable(item.path)) for item in found]
