"""Bad states of a ramdisk that is mounted: something else lies over it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

from stacks.engine import ramdisk
from stacks.engine.layout import IDENTITY, Layout


def mounted_over(layout: Layout) -> None:
    """Mount an empty tmpfs over the ramdisk, as an admin does who mounts twice."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", ramdisk.private_directory(layout)], check=True)


def mounted_over_with_the_identity(layout: Layout) -> None:
    """Mount one over it and copy the identity by hand, into an empty tree."""
    mounted_over(layout)
    layout.resident("b").mkdir()
    shutil.copy(layout.version("b") / IDENTITY, layout.resident("b"))


def mounted_over_with_half_a_copy(layout: Layout) -> None:
    """Mount one over it, into which a copy with its identity was begun."""
    mounted_over(layout)
    (layout.resident("b") / "lib").mkdir(parents=True)
    for name in ("file", "lib/m1", "lib/m2", IDENTITY):
        shutil.copy2(layout.version("b") / name, layout.resident("b") / name)


def hidden_by_an_empty_directory(layout: Layout) -> None:
    """Mount an empty directory over the active tree alone."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", layout.resident("b")], check=True)


SHADOWS: list[Callable[[Layout], None]] = [
    *(mounted_over, mounted_over_with_the_identity, mounted_over_with_half_a_copy, hidden_by_an_empty_directory),
]
