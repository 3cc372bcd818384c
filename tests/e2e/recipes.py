"""The recipes of the journeys: two that differ in one package, one that fails, one that takes for ever."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conftest import Home
from tests.wheels import tiny_index, tiny_recipe

# It leaves something behind at once, and a process that would outlive the test.
SCRIPT = """#!/bin/bash
mkdir -p anaconda3/half-made
echo "Nothing happens from here on."
sleep {seconds}
"""
SLOW = """name = "slow"
[[environments]]
path = "anaconda3"
installer = "script"
source = "{source}"
script = "install.sh"
"""


def write_recipes(home: Home) -> Path:
    """Write the recipes into a directory of a home: tiny, newer, broken and slow."""
    place = home.path / "recipes"
    place.mkdir()
    index = tiny_index(home.path / "index")
    (place / "tiny.toml").write_text(tiny_recipe(index))
    (place / "newer.toml").write_text(tiny_recipe(index, "tiny-star", "tiny-sky==2.0", name="newer"))
    (place / "broken.toml").write_text(tiny_recipe(index, "tiny-nothing", name="broken"))
    (place / "slow.toml").write_text(SLOW.format(source=_repository(home)))
    return place


def slow_seconds(home: Home) -> str:
    """Give the argument by which the process of the slow recipe is known."""
    return f"86400.{home.port}"


def _repository(home: Home) -> Path:
    place = home.path / "slow-repository"
    place.mkdir()
    (place / "install.sh").write_text(SCRIPT.format(seconds=slow_seconds(home)))
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "--message", "Slow")):
        subprocess.run(["git", *words], cwd=place, check=True, capture_output=True)
    return place
