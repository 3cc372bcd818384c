"""Sealed versions on disk: their descriptions, and the identity that each copy of a tree carries (design §6)."""

from __future__ import annotations

import os
import stat
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from stacks.engine import documents, durable, manifest
from stacks.engine.errors import Refused
from stacks.engine.layout import IDENTITY, Layout, check_name
from stacks.engine.trees import Tree


@dataclass(frozen=True)
class Description:
    """What is known of a sealed version; `bytes` and `files` of its tree, `sealed_at` in seconds since the epoch.

    `packages` maps each environment to {package: version}; `kernelspecs` lists name, display_name, language,
    environment, required; `lockfile` maps each environment to what was resolved; `manifest` is the manifest's digest.
    `externals` maps each external environment to its owner's uid and gid; `warnings` counts, for each environment, the
    lines of its installation that looked like errors; `bytecode` names for environments of which
    every `__pycache__` is DLStack's the interpreters that can use it (ADR 30).
    """

    name: str
    uuid: str
    generation: int
    sealed_at: float
    manifest: str
    files: int
    bytes: int
    recipe: str = ""
    revision: int = 0
    recipe_text: str = ""
    options: list[str] = field(default_factory=list)
    packages: dict[str, dict[str, str]] = field(default_factory=dict)
    kernelspecs: list[dict[str, Any]] = field(default_factory=list)
    lockfile: dict[str, str] = field(default_factory=dict)
    externals: dict[str, tuple[int, int]] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    bytecode: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, str]:
        """What a tree's identity file says."""
        return {"uuid": self.uuid, "manifest": self.manifest}


def identity(tree: Path) -> dict[str, Any]:
    """Read a tree's identity file, {} when it has none that can be read; a symlink is none."""
    try:
        descriptor = os.open(tree / IDENTITY, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return {}
    with os.fdopen(descriptor, "rb") as file:
        try:
            found = documents.parse(file.read(4096))
        except ValueError:
            return {}
    return found if isinstance(found, dict) else {}


def mark(tree: Path, description: Description) -> None:
    """Write a tree's identity file; done last, when the tree is whole. Raises Refused for one that is no directory."""
    if not is_directory(tree):
        raise Refused(f"{tree} is not a directory: it cannot carry an identity.")
    durable.write_json(tree / IDENTITY, description.identity)


def unmark(tree: Path) -> None:
    """Take a tree's identity away: it is no copy of its version any more."""
    (tree / IDENTITY).unlink(missing_ok=True)
    durable.sync_directory(tree)


def describe(layout: Layout, name: str) -> Description | None:
    """Read the description of a version, None when it has none that can be read, or only that of another."""
    try:
        path = layout.description(name) / "version.json"
        found = _described(str(path), durable.mark_of(path))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.name == name else None


@lru_cache(maxsize=128)  # every page of a machine reads all of them
def _described(path: str, mark: tuple[int, ...]) -> Description:
    """Read the description in a file, of which `mark` tells that it is still the same; raises for what is none."""
    found = Description(**documents.parse(Path(path).read_bytes()))
    if not _is_well_typed(found):
        raise TypeError(path)
    return found


_KINDS: dict[type, tuple[str, ...]] = {
    str: ("uuid", "manifest", "recipe", "recipe_text"),
    int: ("generation", "files", "bytes", "revision"),
    list: ("options", "kernelspecs"),
    dict: ("packages", "lockfile", "externals", "warnings", "bytecode"),
}


def _is_well_typed(description: Description) -> bool:
    """Tell whether each field holds what it should: the file lies on a disk that may be damaged."""
    kinds = all(isinstance(getattr(description, field), kind) for kind, fields in _KINDS.items() for field in fields)
    return kinds and isinstance(description.sealed_at, (int, float))


def store(layout: Layout, description: Description, content: manifest.Manifest, *, replace: bool = False) -> None:
    """Write manifest and description aside and rename them into place; a left-over of the same name is replaced.

    That of a version whose tree is there is replaced only if `replace`; else Refused is raised.
    """
    place = layout.description(description.name)
    aside = durable.temporary_name(place)
    aside.mkdir(mode=0o755)
    try:
        manifest.write(content, aside / "manifest")
        durable.write_json(aside / "version.json", asdict(description))
        if replace:
            _remove_description(place)
        else:
            forget(layout, description.name)
        os.rename(aside, place)
    except BaseException:
        _remove_description(aside)
        raise
    durable.sync_directory(place.parent)


def forget(layout: Layout, name: str) -> None:
    """Remove the description of a version whose tree is not there (any more); raise Refused while it is."""
    if os.path.lexists(layout.version(name)):
        raise Refused(f"{layout.version(name)} is still there: its description was kept.")
    _remove_description(layout.description(name))


def _remove_description(place: Path) -> None:
    for file in ("version.json", "manifest"):
        (place / file).unlink(missing_ok=True)
    if place.is_dir():
        place.rmdir()


def sealed(layout: Layout, name: str) -> Description | None:
    """Give the description of a version that is sealed: its directory carries the identity that was described."""
    description = describe(layout, name)
    tree = layout.version(name)
    if description is None or not is_directory(tree) or identity(tree) != description.identity:
        return None
    return description


def need_sealed(layout: Layout, name: str) -> Description:
    """Give a sealed version's description; raise Refused when there is no such version or it is not sealed."""
    description = sealed(layout, name)
    if description is None:
        there = os.path.lexists(layout.version(name))
        why = "is not sealed: build it again or adopt it" if there else "does not exist"
        raise Refused(f"The version “{name}” {why}. Sealed are: {', '.join(sorted(all_sealed(layout))) or 'none'}.")
    return description


def all_sealed(layout: Layout) -> dict[str, Description]:
    """Give every sealed version by name."""
    found = {name: sealed(layout, name) for name in directories(layout)}
    return {name: description for name, description in found.items() if description is not None}


def newest_generation(layout: Layout) -> int:
    """Give the generation of the newest sealed version, 0 when there is none."""
    return max((item.generation for item in all_sealed(layout).values()), default=0)


def directories(layout: Layout) -> list[str]:
    """Name every directory on disk that lies where a version would, sealed or not."""
    return sorted(path.name[3:] for path in layout.root.glob("sw.*") if _is_name(path.name[3:]) and is_directory(path))


def tree(layout: Layout, name: str) -> Tree:
    """Give a version's directory with its stored manifest."""
    return Tree(layout.version(name), manifest.read(layout.description(name) / "manifest"))


def trees(layout: Layout) -> list[Tree]:
    """Give every sealed version with its manifest; one that goes away meanwhile is left out."""
    found = []
    for name in all_sealed(layout):
        try:
            found.append(tree(layout, name))
        except FileNotFoundError:
            continue
    return found


def residents(layout: Layout) -> dict[str, Description]:
    """Give the sealed versions whose whole tree is in the ramdisk, by name."""
    try:
        names = [path.name for path in layout.ramdisk.iterdir() if _is_name(path.name) and is_directory(path)]
    except OSError:
        return {}
    found = {name: describe(layout, name) for name in names}
    return {
        name: description
        for name, description in sorted(found.items())
        if description is not None and identity(layout.resident(name)) == description.identity
    }


def is_directory(path: Path) -> bool:
    """Tell whether a path is a directory itself, not a symlink to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _is_name(name: str) -> bool:
    try:
        return bool(check_name(name))
    except Refused:
        return False
