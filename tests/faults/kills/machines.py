"""The machines on which operations are killed: what is on disk, in RAM and behind the links before each begins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

from stacks.engine import inplace, ramdisk
from stacks.engine.owner import resolve
from tests.copying.sshd import Server
from tests.engine.conftest import make_version, seal_building, write_tree
from tests.faults.kills.place import Place
from tests.kernels import corpus
from tests.wheels import Index, tiny_index

EXTERNAL = "antares"
Make = Callable[[Place], None]


def files(name: str) -> dict[str, str]:
    own = {f"env/lib/{number}": f"{name}{number}" for number in range(3)}
    own |= {"env/bin/run": name, f"env/only-{name}/file": name}
    return own | {"env/lib/same": "same", f"{EXTERNAL}/data": "theirs"}


def seal(place: Place, *names: str) -> None:
    for name in names:
        make_version(place.layout, name, files(name), mtime=1e9, external=EXTERNAL)


def deploy(place: Place, *names: str) -> None:
    for name in names:
        place.runner().run("deploy", version=name)


def resident(place: Place) -> None:
    """Versions a, b and c, of which a and b are in RAM and b is active."""
    place.put_back("pristine")
    seal(place, "a", "b", "c")
    deploy(place, "a", "b")


def in_place(place: Place) -> None:
    """The same under layout in-place."""
    place.put_back("pristine")
    inplace.set_layout(place.layout, in_place=True)
    seal(place, "a", "b", "c")
    deploy(place, "a", "b")


def beside_another(place: Place) -> None:
    """The same beside another machine, which has a version n that shares most with c."""
    resident(place)
    if place.server is None:
        place.there.root.parent.mkdir()
        ramdisk.prepare_state(place.there, resolve())
        make_version(place.there, "n", files("c") | {"env/only-n/file": "n"}, mtime=1e9, external=EXTERNAL)
        place.server = Server(place.path / "ssh", place.there.root)
        place.server.prepare()
        place.server.start()


def drifted(make: Make) -> Make:
    """Users changed the active tree, and so did the owner of the external environment."""

    def made(place: Place) -> None:
        make(place)
        (place.layout.live / "env/lib/0").write_text("changed by a user")
        (place.layout.live / "env/added").write_text("added by a user")
        theirs = place.layout.live / EXTERNAL / "newer"
        theirs.write_text("newer")
        os.lchown(theirs, 899, 899)

    return made


def rebooted(make: Make) -> Make:
    """The ramdisk is empty."""

    def made(place: Place) -> None:
        make(place)
        shutil.rmtree(place.ram)
        place.ram.mkdir()

    return made


def surplus(place: Place) -> None:
    """Versions c and d that nobody needs, c of them in RAM; b is active, and a what a revert leads to."""
    place.put_back("pristine")
    seal(place, "c", "d", "a", "b")
    deploy(place, "c", "a", "b")


def by_hand(place: Place) -> None:
    """What the manual leaves: two directories, one of them copied into the ramdisk, and the links."""
    place.put_back("pristine")
    layout = place.layout
    shutil.rmtree(layout.state)
    for name in ("x", "y"):
        write_tree(layout.root / f"sw.{name}", files(name) | {"env/conda-meta/history": ""}, 1e9)
        for path in (EXTERNAL, f"{EXTERNAL}/data"):
            os.lchown(layout.root / f"sw.{name}" / path, 899, 899)
    subprocess.run(["cp", "-a", f"{layout.root}/sw.y/.", f"{layout.ramdisk}/"], check=True)
    layout.live.symlink_to("sw.tmpfs")
    layout.backing.symlink_to("sw.y")


def new(place: Place) -> None:
    """A machine on which nothing was done yet."""
    place.clear()
    (place.path / "etc/systemd/system").mkdir(parents=True)


def with_kernels(place: Place) -> None:
    """The active version has a real kernel; the library has another."""
    place.put_back("pristine")
    layout = place.layout
    stage = corpus.stage(layout, layout.building)
    stage.tiny("old", "well")
    kernel = layout.kernel_specs / "tiny"
    shutil.copytree(stage.kernels / "old", kernel)
    seal_building(place.layout, "a")
    seal(place, "b")
    deploy(place, "b", "a")


def buildable(place: Place) -> None:
    """The version a is active and there is an index to build from."""
    place.put_back("pristine")
    if not index(place).place.exists():
        tiny_index(index(place).place)
    seal(place, "a")
    deploy(place, "a")


def index(place: Place) -> Index:
    """Name the index that is built from."""
    return Index(place.path / "index")
