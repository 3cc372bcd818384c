"""Hostile builds: repositories whose script does its worst, and a look at what is left of them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from stacks.engine.layout import Layout
from stacks.engine.locks import is_free
from stacks.engine.owner import Owner, resolve
from tests.engine.conftest import layout, runner, version

__all__ = ["layout", "runner", "version"]

WITHIN = 10.0  # seconds in which nothing of a build may be left (N7)
RECIPE = """name = "hostile"
[[environments]]
path = "anaconda3"
installer = "script"
source = "{source}"
script = "hostile.py"
"""
Script = Callable[[str], str]


@pytest.fixture
def owner() -> Owner:
    """An owner of this run alone, so that every process of a build can be told from all others."""
    return Owner(100_000 + os.getpid(), 100_000 + os.getpid()) if os.geteuid() == 0 else resolve()


@pytest.fixture
def scripted(tmp_path: Path) -> Script:
    """Give what makes a repository of a Python script, and the recipe that runs it."""
    made: list[Path] = []

    def make(script: str) -> str:
        place = tmp_path / f"repository-{len(made)}"
        made.append(place)
        return repository(place, {"hostile.py": f"#!/usr/bin/python3 -I\n{script}"})

    return make


def repository(place: Path, files: dict[str, str]) -> str:
    """Make a git repository of executable files; gives the recipe that runs its hostile.py."""
    place.mkdir()
    for name, content in files.items():
        (place / name).write_text(content)
        (place / name).chmod(0o755)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for argv in (("init", "--quiet", "--initial-branch=main"), ("add", "--all"), ("commit", "--quiet", "-m", "x")):
        subprocess.run(["git", *identity, *argv], cwd=place, check=True)
    return RECIPE.format(source=place)


def asked(recipe_text: str, name: str = "a") -> dict[str, object]:
    return {"version": name, "generation": 1, "recipe_text": recipe_text}


@dataclass
class Guests:
    """The processes of one root's builds, whatever they call themselves."""

    layout: Layout
    owner: Owner

    def alive(self) -> list[str]:
        found = [words for place in Path("/proc").glob("[0-9]*") if (words := self._told(place))]
        # One that is ending has no words any more, and the lock for a moment still.
        return found or ([] if is_free(self.layout, "build") else ["whoever holds the lane's lock"])

    def _told(self, place: Path) -> str:
        with suppress(OSError):
            is_dead = place.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z"
            words = place.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            is_ours = os.geteuid() == 0 and place.stat().st_uid == self.owner.uid
            if not is_dead and place.name != str(os.getpid()) and (is_ours or str(self.layout.root) in words):
                return f"{place.name} {words[:200]}"
        return ""

    def seconds_until_gone(self) -> float:
        """Wait until none is left and tell how long that took; fails after ten seconds."""
        began = time.monotonic()
        while found := self.alive():
            if time.monotonic() > began + WITHIN:
                pytest.fail(f"still there after {WITHIN} s: {found}")
            time.sleep(0.02)
        return time.monotonic() - began


@pytest.fixture
def guests(layout: Layout, owner: Owner) -> Guests:
    return Guests(layout, owner)
