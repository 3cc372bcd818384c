"""A machine with an external environment of user 899, what lies outside of it, and every privileged step on it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stacks.engine import drift as finding
from stacks.engine import manifest, ramdisk, recovery, resident, trees, versions
from stacks.engine.errors import Failed, Refused
from stacks.engine.layout import Layout
from stacks.engine.owner import resolve
from stacks.plans import kernels
from tests.engine.conftest import Runner, make_version
from tests.engine.machines import listing, machine_place, unmount_below
from tests.faults.owners.attacks import GID, SECRET, UID
from tests.faults.resources.tight import tmpfs

EXTERNAL = "antares-kernel"
KERNEL = "share/jupyter/kernels/his"
FILES = {
    **{f"anaconda3/lib/m{number}": f"ours {number}" for number in range(60)},  # most of a tree is ours
    **{f"{EXTERNAL}/lib/m{number}": f"theirs {number}" for number in range(30)},
    f"{EXTERNAL}/sub/in/file": "theirs",
    f"{EXTERNAL}/big": "b" * 300_000,
    f"{EXTERNAL}/file": "theirs",
    f"{EXTERNAL}/bin/python": "#!/bin/sh\n",
    f"{EXTERNAL}/{KERNEL}/logo-64x64.png": "theirs",
}
RECIPE = f"""name = "others"

[[environments]]
path = "{EXTERNAL}"
installer = "external"
owner = "{UID}:{GID}"
source = "{{source}}"
"""


@dataclass
class Stage:
    """The machine; `outside` holds what must neither be touched nor read into a tree."""

    layout: Layout
    outside: Path

    @property
    def runner(self) -> Runner:
        return Runner(self.layout, resolve())

    def theirs(self) -> list[Path]:
        """Every directory that 899 can reach and write to."""
        layout = self.layout
        places = [layout.root.parent / "source", *layout.root.glob(f"sw.*/{EXTERNAL}")]
        return sorted({place.resolve() for place in [*places, *layout.ramdisk.glob(f"*/{EXTERNAL}")]})

    def canaries(self) -> dict[str, tuple[object, ...]]:
        """Describe what lies outside, and that of DLStack's own which no owner may change."""
        found = listing(self.outside)
        state = self.layout.state
        for place in (state, state / "versions", state / "locks", self.layout.root, self.outside):
            status = place.lstat()
            found[f"/{place}"] = (status.st_mode, status.st_uid, status.st_gid)
        return found

    def leaks(self) -> list[str]:
        """Name the places below the root that hold the secret and that others than root may read."""
        found = []
        for top in (self.layout.root, self.layout.ramdisk):
            for directory, _, files in os.walk(top):
                found += [path for name in files if leaks(path := os.path.join(directory, name))]
        return found


def leaks(path: str) -> bool:
    status = os.lstat(path)
    if not os.path.isfile(path) or os.path.islink(path):
        return False
    data = Path(path).read_bytes()
    if path.endswith("/manifest"):
        data = zlib.decompress(data)
    closed = status.st_uid == 0 and not status.st_mode & 0o077  # root's own, as it is outside
    return (SECRET.encode() in data and not closed) or b"canary-name" in data


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Give such a machine: versions a (active) and b, both with the external environment."""
    with machine_place() as place:
        layout = Layout(place / "data0")
        (layout.root / "sw.tmpfs").mkdir(parents=True)
        subprocess.run([*tmpfs("1g", 200_000), layout.ramdisk], check=True)
        made = Stage(layout, outside_of(place, layout))
        ramdisk.prepare(layout, resolve())
        source = place / "source"
        for name in "ab":
            spec = {f"{EXTERNAL}/{KERNEL}/kernel.json": spec_of(layout)}
            files, programs = {**FILES, **spec, "own": name}, [f"{EXTERNAL}/bin/python"]
            make_version(layout, name, files, mtime=1e9, external=EXTERNAL, programs=programs)
        shutil.copytree(layout.version("a") / EXTERNAL, source)
        for path in (source, *source.rglob("*")):
            os.lchown(path, UID, GID)
        made.runner.run("deploy", version="a")
        (place / "closed").mkdir(mode=0o700)
        subprocess.run(["cp", "-a", layout.version("a"), place / "closed" / "a"], check=True)
        yield made
        unmount_below(place)


def spec_of(layout: Layout, **more: object) -> str:
    """Spell a kernelspec of his that is in order."""
    argv = [f"{layout.live}/{EXTERNAL}/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return json.dumps({"argv": argv, "display_name": "His", "language": "python", **more})


def outside_of(place: Path, layout: Layout) -> Path:
    outside = place / "outside"
    (outside / "dir/sub/in").mkdir(parents=True)
    (outside / "sub/in").mkdir(parents=True)
    kernel = outside / KERNEL
    kernel.mkdir(parents=True)
    for path in ("secret", "dir/file", "dir/sub/in/file", "sub/in/file", "canary-name", "file", "big"):
        (outside / path).write_text(SECRET)
        (outside / path).chmod(0o600)
    # As in a home directory: a kernelspec that is in order, in a place that is closed to him.
    (kernel / "kernel.json").write_text(spec_of(layout, env={"TOKEN": SECRET}))
    (kernel / "id_rsa").write_text(SECRET)
    for closed in (outside / "dir", outside / "share", outside / "sub"):
        closed.chmod(0o700)
    shutil.copy("/bin/true", outside / "setuid")
    (outside / "setuid").chmod(0o4755)
    return outside


Step = Callable[[Stage], None]


def build(stage: Stage) -> None:
    """Carry over and seal."""
    shutil.rmtree(stage.layout.version("c"), ignore_errors=True)
    recovery.recover(stage.layout, "build")
    if not stage.layout.version("c").exists():
        text = RECIPE.format(source=stage.layout.root.parent / "source")
        stage.runner.run("build", version="c", generation=9, recipe_text=text)


def deploy(stage: Stage) -> None:
    """Stage a version that is not resident, refresh, switch; then back."""
    name = "b" if resident.active(stage.layout) == "a" else "a"
    place = stage.layout.resident(name)
    if place.is_dir():
        versions.unmark(place)
    stage.runner.run("deploy", version=name)


def refresh(stage: Stage) -> None:
    """Switch between two resident versions: the environment goes along."""
    name = "b" if resident.active(stage.layout) == "a" else "a"
    stage.runner.run("revert", version=name)


def sealed(stage: Stage) -> None:
    """Switch back to what was sealed with the version, from the disk."""
    name = "b" if resident.active(stage.layout) == "a" else "a"
    stage.runner.run("revert", version=name, externals="version")


def in_ram(stage: Stage) -> Path:
    """Give the tree that users have, in RAM: on disk nothing is ever written by hand."""
    tree = Path(os.path.realpath(stage.layout.live))
    if not tree.is_relative_to(stage.layout.ramdisk):
        raise Refused("It is served from disk: restore it first.")
    return tree


def backup(stage: Stage) -> None:
    (in_ram(stage) / "drift").write_text(os.urandom(8).hex())
    stage.runner.run("backup")


def restore(stage: Stage) -> None:
    layout = stage.layout
    for name in versions.residents(layout):  # as after a reboot, when nothing is whole in RAM
        versions.unmark(layout.resident(name))
    stage.runner.run("restore")


def discard(stage: Stage) -> None:
    (in_ram(stage) / "drift2").write_text("drift")
    stage.runner.run("discard")


def remove(stage: Stage) -> None:
    """Remove a version on disk and in RAM, each with his environment in it."""
    layout = stage.layout
    source = layout.root.parent / "closed" / "a"
    aside = layout.root / "sw.r"
    if not aside.exists():
        described = versions.need_sealed(layout, "a")
        subprocess.run(["cp", "-a", source, aside], check=True)
        copy = replace(described, name="r", uuid="r" * 32, generation=1)
        versions.store(layout, copy, versions.tree(layout, "a").manifest, replace=True)
        versions.mark(aside, copy)
        subprocess.run(["cp", "-a", source, layout.resident("r")], check=True)
        versions.mark(layout.resident("r"), copy)
    # His processes use it, so a plan would wait for them.
    for place, trash in ((layout.resident("r"), resident.trash(layout)), (aside, layout.trash)):
        if said := trees.discard(place, trash):
            raise Failed(said)


def kernel_install(stage: Stage) -> None:
    """Publish his environment to all users."""
    layout = stage.layout
    name = f"k{os.urandom(4).hex()}"
    active = resident.active(layout)
    assert active
    runner = stage.runner
    asked: dict[str, Any] = {"version": name, "kernel": "his", "display_name": "His", "environment": EXTERNAL}
    context = runner.context(asked)
    plan = kernels.install(context)
    try:
        for step in plan.steps[:2]:
            step.run(context)
    finally:
        for step in reversed(plan.steps[:2]):
            if step.undo:
                step.undo(context)


def scan(stage: Stage) -> None:
    for place in (stage.layout.version("a"), stage.layout.resident("a")):
        if place.is_dir():
            manifest.scan(place)


def verify(stage: Stage) -> None:
    stage.runner.run("verify", version="a", full=True)


def drift(stage: Stage) -> None:
    layout = stage.layout
    finding.find(layout, finding.trusted(layout), full=True)


_LISTED: tuple[Step, ...] = (
    *(build, deploy, refresh, sealed, backup, restore, discard, remove, kernel_install, scan, verify, drift),
)
STEPS = {step.__name__: step for step in _LISTED}
