"""Packages that unpack to where they should not, or to more than there is room for (F38).

DLStack itself unpacks nothing: uv and rattler do, as guests, so that an archive gets no further than a script does.
"""

from __future__ import annotations

import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.engine import mounts
from stacks.engine.errors import EngineError, Exceeded
from stacks.engine.layout import Layout
from stacks.engine.limits import Limits
from stacks.engine.owner import Owner
from stacks.engine.sources import Sources
from stacks.engine.terms import Terms
from tests.engine import channel
from tests.engine.channel import MINOR, PYTHON, Package
from tests.engine.conftest import Runner
from tests.faults.conftest import Figure
from tests.faults.guests.conftest import asked
from tests.wheels import Index, tiny_recipe

OUTWARD = ("../evil", "../../../../../../../../tmp/evil", "/tmp/evil", "x/../../evil", "..\\evil")
LINKS = {"escape/evil": {"escape": "/tmp"}, "up/evil": {"up": "../../../.."}}  # symlinks that come first
CONDA = """name = "hostile"
[[environments]]
path = "anaconda3"
installer = "conda"
channels = ["{channel}"]
packages = ["hostile"]
"""


def hostile_wheel(index: Index, name: str, members: dict[str, bytes], links: dict[str, str]) -> None:
    """Add a wheel with members and symlinks of any names."""
    index.add(name, "1.0", "")
    [file] = (index.place / name).glob("*.whl")
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as wheel:
        for path, target in links.items():
            link = zipfile.ZipInfo(path)
            link.external_attr = 0o120777 << 16
            wheel.writestr(link, target)
        for path, content in members.items():
            wheel.writestr(path, content)


def hostile_channel(place: Path, members: dict[str, bytes]) -> None:
    """Make a channel with a package of members of any names, which its own list of files names too."""
    interpreter: dict[str, bytes | Path] = {"bin/python": b"#!/bin/sh\nexit 0\n", f"lib/python{MINOR}/os.py": b"\n"}
    channel.write(place, [Package("python", PYTHON, interpreter), Package("hostile", "1.0", dict(members))])


def escaped(layout: Layout, tmp_path: Path) -> list[Path]:
    """Find what got out of the places that a build may write to."""
    inside = (layout.building, layout.cache, *(layout.root.glob("sw.*")))
    found = [path for path in tmp_path.rglob("*evil*") if not any(path.is_relative_to(place) for place in inside)]
    return found + [path for path in (Path("/tmp/evil"), Path("/evil"), Path("/data0/evil")) if path.exists()]


@pytest.mark.parametrize("kind", ["wheel", "conda package"])
def test_no_archive_gets_out_of_the_build(  # noqa: PLR0917 — each is a fixture
    layout: Layout, runner: Runner, tmp_path: Path, figure: Figure, full: bool, kind: str
) -> None:
    ways = [*OUTWARD, *(LINKS if kind == "wheel" else ())]
    ways = ways if full else [ways[0], ways[2], *ways[len(OUTWARD) :][:1]]
    for number, path in enumerate(ways):
        place = tmp_path / f"source-{number}"
        if kind == "wheel":
            index = Index(place)
            hostile_wheel(index, "hostile", {path: b"evil"}, LINKS.get(path, {}))
            recipe = tiny_recipe(index, "hostile")
        else:
            hostile_channel(place, {path: b"evil"})
            recipe = CONDA.format(channel=place)
        with suppress(EngineError):
            runner.run("build", **asked(recipe, f"v{number}"))
    found = escaped(layout, tmp_path)
    figure(f"{kind}s with {len(ways)} ways out", goal="0 files outside", got=found or 0, ok=not found)


@pytest.mark.faults
def test_a_bomb_is_ended_while_the_disk_still_has_room(
    layout: Layout, owner: Owner, tmp_path: Path, figure: Figure
) -> None:
    index = Index(tmp_path / "index")
    index.add("bomb", "1.0", "")
    [file] = (index.place / "bomb").glob("*.whl")
    wheel = zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED)
    with wheel, wheel.open("bomb/zeros", "w", force_zip64=True) as big:
        for _ in range(60):
            big.write(bytes(100_000_000))
    room = mounts.room(layout.root).bytes_free
    limits = replace(Limits(), reserve=room - 2_500_000_000)
    with pytest.raises(Exceeded, match="filled the disk"):
        Runner(layout, owner, terms=Terms(limits, Sources(directories=(Path("/"),)))).run(
            "build", **asked(tiny_recipe(index, "bomb"))
        )
    got = f"ended; the archive had {file.stat().st_size / 1e6:.0f} MB, its content 6,000 MB"
    figure("a package that unpacks to more than the disk holds", goal="ended before it is full", got=got, ok=True)
