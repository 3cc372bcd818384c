"""Compiling what was installed, when the guests that installed it have ended (ADR 30)."""

from __future__ import annotations

from stacks.engine import bytecode, versions
from stacks.engine.build import Building
from stacks.engine.environments import Environment
from stacks.engine.events import Event
from stacks.engine.installers import index
from stacks.engine.installers.base import Site
from stacks.engine.layout import Layout
from stacks.engine.trees import Tree


def compile_modules(environment: Environment, building: Building, site: Site) -> None:
    """Compile the modules of one environment, but for those that an earlier version compiled: these are taken later.

    Where a guest could still be at work, all are compiled, and nobody ever takes them over.
    """
    if not site.ground.ends_guests:
        index.compile_modules(environment, None, site)
        return
    tree, mark = site.building, index.compiler_mark(environment, site)
    bytecode.clear(tree, environment.path)
    earlier = _compiled_alike(environment, mark, site.layout)
    sources = bytecode.look(tree, f"{environment.path}/lib", mark.split()[0], earlier)
    index.compile_modules(environment, sources.new, site)
    building.taken += sources.known
    building.bytecode[environment.path] = mark
    new, known = len(sources.new), len(sources.known)
    site.sink(Event("note", f"{new} modules compiled, {known} taken from versions that have the same source."))


def _compiled_alike(environment: Environment, mark: str, layout: Layout) -> list[Tree]:
    """Give the versions of which the environment was compiled like this, by an equal interpreter, the newest first."""
    known = versions.all_sealed(layout)
    alike = {layout.version(name) for name, one in known.items() if one.bytecode.get(environment.path) == mark}
    trees = [tree for tree in versions.trees(layout) if tree.path in alike]
    generations = {layout.version(name): one.generation for name, one in known.items()}
    return sorted(trees, key=lambda tree: generations[tree.path], reverse=True)
