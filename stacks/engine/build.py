"""Building a version in the sandbox, part by part: room, environments, kernelspecs, seal (design §7)."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.engine import bytecode, documents, externals, mounts, packages, room, seal, sizes, versions
from stacks.engine.bytecode import Compiled
from stacks.engine.environments import Environment
from stacks.engine.errors import Refused
from stacks.engine.installers import INSTALLERS
from stacks.engine.installers.base import Site
from stacks.engine.layout import Layout
from stacks.engine.recipe import Recipe
from stacks.engine.room import Need
from stacks.engine.versions import Description

SPARE = 256 * 1024 * 1024  # bytes of the disk that stay free, since what a build needs is a guess
FIRST = Need(1024 * 1024 * 1024, 10_000)  # what a build is expected to need while nothing like it was built


@dataclass
class Building:
    """A build under way: what was asked for, and what was found out so far."""

    name: str
    generation: int
    recipe: Recipe
    recipe_text: str
    revision: int
    options: Sequence[str] = ()
    kernel_dir: str = ""
    lockfile: dict[str, str] = field(default_factory=dict)
    kernelspecs: list[dict[str, Any]] = field(default_factory=list)
    bytecode: dict[str, str] = field(default_factory=dict)
    taken: list[Compiled] = field(default_factory=list)  # once no guest runs any more
    warnings: dict[str, int] = field(default_factory=dict)  # lines that looked like errors, by environment


def check_free(layout: Layout, name: str) -> None:
    """Raise Refused when something lies where the version `name` would."""
    if os.path.lexists(layout.version(name)):
        raise Refused(f"{layout.version(name)} is there already: choose another name.")


def check_room(layout: Layout, need: Need, what: str, *, spare: int = room.SPARE) -> None:
    """Raise Refused, with numbers, unless `what` fits on the disk of the versions."""
    room.check(
        need,
        mounts.room(layout.root),
        what=what,
        where=f"the disk of {layout.root}",
        more_bytes="remove versions that nobody needs, with “dlstack prune”",
        more_inodes="remove versions that nobody needs, with “dlstack prune”",
        most=spare,
    )


def expected(layout: Layout) -> Need:
    """Estimate what a build adds to the disk: half of the largest version there is, or `FIRST` when there is none."""
    whole = expected_whole(layout)
    return Need(whole.bytes // 2, whole.inodes // 2) if sizes.stored(layout) else FIRST


def expected_whole(layout: Layout) -> Need:
    """Estimate what a whole tree takes: as much as the largest version there is, or `FIRST` when there is none."""
    known = sizes.stored(layout).values()
    if not known:
        return FIRST
    # One directory for four files, as in stacks that were measured.
    return Need(max(size.bytes for size in known), max(size.files for size in known) * 5 // 4)


def install(environment: Environment, building: Building, site: Site) -> None:
    """Make one environment from the lockfile that was resolved for it."""
    installer = INSTALLERS[environment.installer]
    building.warnings[environment.path] = installer.install(environment, building.lockfile[environment.path], site)


def resolve(environment: Environment, building: Building, site: Site) -> None:
    """Find out exactly what one environment will hold."""
    building.lockfile[environment.path] = INSTALLERS[environment.installer].resolve(environment, site)


def add_kernelspecs(environment: Environment, building: Building, site: Site) -> None:
    """Write the environment's kernelspecs, for the live path, and note all that it has in the end."""
    # An environment that passes the directory on copies the kernelspecs itself.
    library = building.kernel_dir if environment.jupyter and not environment.kernel_arguments else ""
    wanted = [
        {"name": spec.name, "display_name": spec.display_name, "language": spec.language}
        for spec in environment.kernelspecs
    ]
    places = {"prefix": str(site.prefix(environment)), "place": str(site.place(environment))}
    orders = places | {"write": wanted, "copy": library}
    label = f"kernelspecs of {environment.path}"
    readable = (Path(library),) if library else ()
    found = site.run_own("kernelspecs.py", orders, label=label, readable=readable, capture=True)
    specs = [documents.parse(line) for line in found.splitlines()]
    required = {spec.name for spec in environment.kernelspecs if spec.required}
    for spec in specs:
        building.kernelspecs.append(spec | {"environment": environment.path, "required": spec["name"] in required})


def seal_version(layout: Layout, building: Building, secrets: Collection[bytes] = ()) -> Description:
    """Describe the tree, share what earlier versions hold, and make it a version; raise Failed if it holds a secret."""
    if not versions.is_directory(layout.building):
        raise Refused(f"{layout.building} is no directory any more: the build replaced it. Nothing was sealed.")
    others = externals.asked(building.recipe.environments)
    apart = {item.path for item in others}
    earlier = versions.trees(layout)
    bytecode.take(layout.building, building.taken)
    found = seal.scan(layout, apart=apart, secrets=secrets)
    bytecode.check(found, building.taken)
    content = seal.share(layout.building, found, earlier, apart=apart)
    description = Description(
        name=building.name,
        uuid=str(uuid.uuid4()),
        generation=building.generation,
        sealed_at=time.time(),
        manifest=content.digest,
        files=content.files,
        bytes=content.bytes,
        recipe=building.recipe.name,
        revision=building.revision,
        recipe_text=building.recipe_text,
        options=list(building.options),
        packages={item.path: packages.installed(layout.building / item.path) for item in building.recipe.environments},
        kernelspecs=building.kernelspecs,
        lockfile=building.lockfile,
        bytecode=building.bytecode,
        externals={item.path: (item.uid, item.gid) for item in others},
        warnings={path: count for path, count in building.warnings.items() if count},
    )
    seal.commit(layout, description, content)
    return description
