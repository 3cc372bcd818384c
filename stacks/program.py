"""Which program this is: its version, and a digest of its code, so that two that differ are told apart."""

from __future__ import annotations

import hashlib
import tomllib
from functools import lru_cache
from importlib import metadata
from pathlib import Path

CODE = Path(__file__).resolve().parent.parent
PACKAGES = ("access", "dlstackweb", "kernels", "stacks")


@lru_cache(maxsize=1)
def version() -> str:
    """Name this program, as `0.1.0+3fa9c1d2`: the same wherever the same code runs, installed or in a clone."""
    return f"{_released()}+{digest(CODE)[:8]}"


def digest(code: Path) -> str:
    """Give a digest of the Python files of a program: of their names and what they hold."""
    found = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (code / package).rglob("*.py")):
        found.update(f"{path.relative_to(code)}\0{len(content := path.read_bytes())}\0".encode())
        found.update(content)
    return found.hexdigest()


def _released() -> str:
    project = CODE / "pyproject.toml"
    if project.exists():
        return str(tomllib.loads(project.read_text())["project"]["version"])
    return metadata.version("dlstack")
