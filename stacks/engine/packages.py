"""What is installed in an environment, read from its files; nothing of it is run."""

from __future__ import annotations

import os
from email.message import Message
from email.parser import Parser
from pathlib import Path

from stacks.engine import walking

LARGEST = 4 * 1024 * 1024  # bytes of a METADATA, which holds a package's whole description


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
        metadata = _metadata(prefix, place / "METADATA")
        if metadata is not None:
            found[normal(metadata["Name"] or place.name)] = metadata["Version"] or ""
    return found


def _metadata(prefix: Path, file: Path) -> Message | None:
    # The tree is a guest's work: a symlink would be read with our rights, a pipe for ever.
    try:
        descriptor = walking.open_beneath(prefix, file.relative_to(prefix))
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        # From bytes the parser would make headers of another type where they are not ASCII.
        return Parser().parsestr(opened.read(LARGEST).decode(errors="replace"), headersonly=True)


def normal(name: str) -> str:
    """Spell a package's name as `installed` does, for comparison."""
    return name.lower().replace("_", "-").replace(".", "-")
