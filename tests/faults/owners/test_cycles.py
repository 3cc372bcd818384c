"""An external environment is the same to the last attribute after any number of deploys and reverts (invariant 9)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from stacks.engine import externals
from tests.engine.machines import needs_root
from tests.faults.conftest import Figure
from tests.faults.owners.attacks import GID, UID, give
from tests.faults.owners.stage import EXTERNAL, STEPS, Stage, stage

pytestmark = needs_root


def enrich(place: Path) -> None:
    """Give what is his all that a filesystem can hold."""
    os.link(place / "lib/m1", place / "sub/hard")
    (place / "soft").symlink_to("lib/m2")
    (place / "dangling").symlink_to("/nowhere")
    os.mkfifo(place / "pipe")
    with (place / "sparse").open("wb") as file:
        file.truncate(3_000_000)
        file.seek(1_500_000)
        file.write(b"theirs")
    give(place)
    (place / "lib/m3").chmod(0o4711)
    (place / "sub").chmod(0o2750)
    os.chown(place / "lib/m4", UID, GID + 1)
    os.setxattr(place / "lib/m5", "user.origin", b"antares")
    subprocess.run(["setfacl", "-m", "u:33:r", place / "lib/m6"], check=True)
    subprocess.run(["setcap", "cap_net_raw=ep", place / "bin/python"], check=True)


def in_all(made: Stage) -> list[Path]:
    """Name the copies in RAM: those that users have."""
    return [place / EXTERNAL for place in (made.layout.resident("a"), made.layout.resident("b")) if place.is_dir()]


def links_of(place: Path) -> int:
    return (place / "lib/m1").stat().st_nlink


def test_it_is_the_same_after_every_cycle(full: bool, figure: Figure) -> None:
    cycles = 100 if full else 2
    with stage() as made:
        [own] = in_all(made)
        enrich(own)
        before, differing = externals.look(own), set()
        for cycle in range(cycles):
            STEPS["deploy"](made)  # copied anew, since its tree counts as half-made
            STEPS["refresh"](made)
            differing |= {f"{cycle} {place}" for place in in_all(made) if externals.look(place) != before}
            differing |= {f"{cycle} {place}" for place in in_all(made) if links_of(place) != 2}
    figure(
        f"external environment through {cycles} cycles of deploy and revert",
        goal="bytes, ids, mode, times and attributes equal",
        got=f"{len(differing)} copies differ",
        ok=not differing,
    )
