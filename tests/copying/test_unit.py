"""A worker as the units of deploy/ run it, with three capabilities and no root, copies what belongs to others too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.engine import externals, ramdisk, trees, versions
from stacks.engine.drift import EVERYTHING
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from tests.conftest import REPOSITORY
from tests.copying.receiving import Receiver, is_root, stack
from tests.copying.sshd import Server
from tests.engine.conftest import same, seal_building, write_tree
from tests.engine.machines import AS_UNIT

ID = 33  # ssh asks who it is: an account that every Debian has
AS_NOBODY = ["setpriv", "--reuid", str(ID), "--regid", str(ID), "--clear-groups", "--bounding-set=-all", "--"]
AS_ACCOUNT = [str(ID) if word == "64990" else word for word in AS_UNIT]

pytestmark = pytest.mark.skipif(not is_root(), reason="only root can become another user")


def give(place: Path, uid: int) -> None:
    for path in (place, *place.rglob("*")):
        os.lchown(path, uid, uid)


@pytest.fixture
def sealed_by_account(source: Layout) -> None:
    write_tree(source.building, {**stack(5), "theirs/lib/x": "x"}, 1_700_000_000)
    (source.building / "soft").symlink_to("anaconda3")
    give(source.building, ID)
    give(source.building / "theirs", 899)
    seal_building(source, "a", external="theirs")


def orders(place: Path, source: Layout, server: Server) -> Path:
    """Make a root of that account with its keys, and write down what is to be copied to it."""
    layout = Layout(place / "data0")
    ramdisk.prepare(layout, Owner(ID, ID))
    (place / "ssh").mkdir(mode=0o700)
    for name in ("id_ed25519", "known_hosts"):
        (place / "ssh" / name).write_bytes((server.place / name).read_bytes())
        (place / "ssh" / name).chmod(0o600)
    give(place / "ssh", ID)
    give(layout.root, ID)
    receiver = Receiver(layout, Owner(ID, ID), source=source, server=server)
    asked = {"ssh": str(place / "ssh"), "root": str(layout.root), "source": str(source.root)}
    (place / "orders.json").write_text(json.dumps(asked | {"parameters": receiver.asked("a")}))
    return place / "orders.json"


def copy(asked: Path, prefix: list[str]) -> subprocess.CompletedProcess[str]:
    argv = [*prefix, sys.executable, "-m", "tests.copying.run_copy", str(asked)]
    return subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)


def test_closed_directories_are_mended_too(place: Path, source: Layout, server: Server) -> None:
    """Without any right but the owner's: what is wrong in a directory that nobody may write."""
    write_tree(source.building, {**stack(3), "closed/x": "x", "closed/y": "y"}, 1_700_000_000)
    (source.building / "closed").chmod(0o555)
    give(source.building, ID)
    seal_building(source, "a")
    asked = orders(place, source, server)
    uuid = json.loads(asked.read_text())["parameters"]["uuid"]
    (source.version("a") / "closed/x").unlink()
    assert "closed/x" in copy(asked, AS_NOBODY).stderr
    [tree] = (place / "data0/.dlstack/copies").glob(f"{uuid}/sw")
    (tree / "closed").chmod(0o555)
    (source.version("a") / "closed/x").write_text("x")
    os.utime(source.version("a") / "closed/x", (1_700_000_000, 1_700_000_000))
    os.lchown(source.version("a") / "closed/x", ID, ID)
    done = copy(asked, AS_NOBODY)
    assert done.returncode == 0, done.stderr
    trees.verify(versions.tree(Layout(place / "data0"), "a"), EVERYTHING)


def test_it_keeps_ids(sealed_by_account: None, place: Path, source: Layout, server: Server) -> None:
    done = copy(orders(place, source, server), AS_ACCOUNT)
    assert done.returncode == 0, done.stderr
    here = Layout(place / "data0")
    assert versions.sealed(here, "a") is not None
    same(source.version("a"), here.version("a"))
    assert externals.look(here.version("a") / "theirs") == externals.look(source.version("a") / "theirs")


def test_without_capabilities_it_is_refused(
    sealed_by_account: None, place: Path, source: Layout, server: Server
) -> None:
    done = copy(orders(place, source, server), AS_NOBODY)
    assert done.returncode != 0
    assert "to whom this worker may not give any" in done.stderr
    assert versions.directories(Layout(place / "data0")) == []
