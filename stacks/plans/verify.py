"""The plan of a verification: compare a version with its manifest, on disk and in the ramdisk; nothing is changed."""

from __future__ import annotations

from stacks.engine import damage, drift, trees, versions
from stacks.engine.trees import Tree
from stacks.engine.versions import Description
from stacks.plans.base import Context, Plan, Step


def plan(context: Context) -> Plan:
    """Plan a verification of the version in the parameters, of content too if `full`; raises Refused for no version."""
    layout, full = context.layout, bool(context.parameters.get("full"))
    description = versions.need_sealed(layout, context.parameters["version"])
    how = "by reading every file" if full else "by what the filesystem tells of each path"
    work = _Work(description, full=full)
    steps = [Step("disk", "Compare the copy on disk", f"{layout.version(description.name)}, {how}.", work.disk)]
    if description.name in versions.residents(layout):
        kept = f" What others own in it ({', '.join(description.externals)}) is theirs to change."
        explains = f"{layout.resident(description.name)}, {how}.{kept if description.externals else ''}"
        steps.append(Step("ramdisk", "Compare the copy in the ramdisk", explains, work.ramdisk))
    return Plan("verify", f"Compares “{description.name}” with its manifest, {how}.", tuple(steps))


class _Work:
    """What the steps of one verification share."""

    def __init__(self, description: Description, *, full: bool) -> None:
        self._description = description
        self._full = full
        self._hashed = drift.EVERYTHING if full else drift.NOTHING

    def disk(self, context: Context) -> None:
        layout, name = context.layout, self._description.name
        trees.verify(versions.tree(layout, name), self._hashed)
        self._agrees(context, whole=name not in versions.residents(layout))

    def ramdisk(self, context: Context) -> None:
        layout, name = context.layout, self._description.name
        tree = Tree(layout.resident(name), versions.tree(layout, name).manifest)
        trees.verify(tree, self._hashed, apart=self._description.externals)
        self._agrees(context, whole=True)

    def _agrees(self, context: Context, *, whole: bool) -> None:
        context.note("It agrees with the manifest.")
        if whole and self._full:
            damage.clear(context.layout, self._description)
        context.outcome["version"] = self._description.name
