"""What is installed in an environment, read from its files; nothing of it is run."""

from __future__ import annotations

import os
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path


def installed(prefix: Path) -> dict[str, str]:
    """Give {package: version} of what conda and Python's installers have put into an environment.

    Where both know a name, Python's own record counts: pip may have replaced what conda brought.
    """
    return dict(sorted((_conda(prefix) | _python(prefix)).items()))


def _conda(prefix: Path) -> dict[str, str]:
    place = prefix / "conda-meta"
    # The tree is a guest's work: a symlink would be read with our rights.
    if not place.is_dir() or place.is_symlink():
        return {}
    # A record's file name is the package's name, version and build; what it holds is not needed.
    records = (name.removesuffix(".json").rsplit("-", 2) for name in os.listdir(place) if name.endswith(".json"))
    return {normal(parts[0]): parts[1] for parts in records if len(parts) == 3}


def _python(prefix: Path) -> dict[str, str]:
    found = {}
    for place in sorted(prefix.glob("lib/python3*/site-packages/*.dist-info")):
        metadata = place / "METADATA"
        # The tree is a guest's work: a symlink would be read with our rights, a pipe for ever.
        if metadata.is_file() and not metadata.is_symlink() and not place.is_symlink():
            distribution: Distribution = PathDistribution(place)
            found[normal(distribution.metadata["Name"] or place.name)] = distribution.metadata["Version"] or ""
    return found


def normal(name: str) -> str:
    """Spell a package's name as `installed` does, for comparison."""
    return name.lower().replace("_", "-").replace(".", "-")
