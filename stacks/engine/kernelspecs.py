"""Reading kernelspecs from a tree: which there are, and what can be said of each without starting it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.engine.errors import Refused

LARGEST = 1024 * 1024  # bytes of a kernel.json


@dataclass(frozen=True, slots=True)
class Found:
    """A kernelspec directory of an environment; `file` is its kernel.json where it can be read now."""

    name: str
    environment: str
    file: Path


def find(tree: Path) -> list[Found]:
    """List the kernelspecs of every environment of a tree."""
    files = sorted(tree.glob("*/share/jupyter/kernels/*/kernel.json"))
    return [Found(file.parent.name, file.relative_to(tree).parts[0], file) for file in files]


def check(found: Found) -> dict[str, Any]:
    """Read a kernelspec; raise Refused that names what is wrong with it."""
    try:
        descriptor = os.open(found.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"kernel.json of “{found.name}” cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Refused(f"kernel.json of “{found.name}” is larger than 1 MB.")
    try:
        spec = json.loads(data)
    except ValueError as error:
        raise Refused(f"kernel.json of “{found.name}” is no valid JSON: {error}.") from None
    return _checked(found.name, spec)


def _checked(name: str, spec: Any) -> dict[str, Any]:
    argv = spec.get("argv") if isinstance(spec, dict) else None
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        raise Refused(f"kernel.json of “{name}” has no “argv”: a list of strings that starts the kernel.")
    if not any("{connection_file}" in word for word in argv):
        raise Refused(
            f"“argv” of “{name}” does not hold {{connection_file}}: the kernel would not know where to connect."
        )
    environment = spec.get("env", {})
    if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
        raise Refused(f"“env” of “{name}” must map names to strings.")
    return dict(spec)
