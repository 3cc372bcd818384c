"""What is installed in an environment, read from its files; nothing of it is run."""

from __future__ import annotations

from importlib.metadata import Distribution, PathDistribution
from pathlib import Path


def installed(prefix: Path) -> dict[str, str]:
    """Give {package: version} of an environment's Python packages."""
    found = {}
    for place in sorted(prefix.glob("lib/python3*/site-packages/*.dist-info")):
        metadata = place / "METADATA"
        # The tree is a guest's work: a symlink would be read with our rights, a pipe for ever.
        if metadata.is_file() and not metadata.is_symlink() and not place.is_symlink():
            distribution: Distribution = PathDistribution(place)
            found[_normal(distribution.metadata["Name"] or place.name)] = distribution.metadata["Version"] or ""
    return dict(sorted(found.items()))


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
