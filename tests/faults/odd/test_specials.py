"""What else a filesystem holds goes through deploy, backup and revert as it is; devices are refused (F18)."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from stacks.engine import manifest, versions
from stacks.engine.errors import Failed, VerifyFailed
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner, seal_building, write_tree
from tests.engine.machines import listing, needs_root

pytestmark = needs_root
SPARSE = 40_000_000
PLAIN = {f"lib/m{number}": str(number) for number in range(60)}


def furnish(tree: Path) -> None:
    """Put one of everything into a tree."""
    write_tree(tree / "odd", dict.fromkeys(("one", "attributed", "listed", "able", "setuid", "-rf"), "content"))
    odd = tree / "odd"
    os.link(odd / "one", odd / "two")
    (odd / "inner").mkdir()
    os.link(odd / "one", odd / "inner" / "three")
    with (odd / "sparse").open("wb") as file:
        file.truncate(SPARSE)
        file.seek(SPARSE // 2)
        file.write(b"in the middle")
    (odd / "hole").touch()
    os.truncate(odd / "hole", SPARSE)
    os.setxattr(odd / "attributed", "user.origin", b"\x00binary\xff")
    os.setxattr(odd / "inner", "user.of-a-directory", b"x")
    subprocess.run(["setfacl", "-m", "u:33:r,g:33:rw", odd / "listed"], check=True)
    subprocess.run(["setfacl", "-d", "-m", "u:33:rx", odd / "inner"], check=True)
    subprocess.run(["setcap", "cap_net_bind_service=ep", odd / "able"], check=True)
    (odd / "setuid").chmod(0o6755)
    (odd / "sticky").mkdir(mode=0o755)
    (odd / "sticky").chmod(0o3775)
    (odd / "closed").mkdir()
    (odd / "closed/file").touch()
    (odd / "closed/file").chmod(0)
    (odd / "closed").chmod(0)
    os.mkfifo(odd / "pipe", 0o640)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{(at := os.open(odd, os.O_RDONLY))}/socket")
    os.close(at)
    for name, seconds in (("one", -1), ("-rf", 4_000_000_000)):
        os.utime(odd / name, (seconds, seconds))
    (odd / os.fsdecode(b"not-utf8-\xff\n")).touch()


def seen(tree: Path) -> str:
    """Describe a tree by the tools of the system: modes, numeric ids, sizes, times, attributes, ACLs, capabilities."""
    asked = (
        ["find", ".", "!", "-name", ".dlstack.json", "!", "-type", "d", "-printf", "%P\\0%y %m %U %G %s %l\\n"],
        ["find", ".", "-type", "d", "-printf", "%P\\0%m %U %G\\n"],
        ["find", ".", "-type", "f", "!", "-name", ".dlstack.json", "-printf", "%P\\0%T@\\n"],
        ["getfattr", "-R", "-P", "-d", "-m", "-", "."],
        ["getfacl", "-R", "-P", "-n", "."],
    )
    told = [subprocess.run(argv, cwd=tree, check=True, capture_output=True).stdout for argv in asked]
    return "\n".join("\n".join(sorted(os.fsdecode(text).split("\n"))) for text in told)


def groups(tree: Path) -> set[frozenset[str]]:
    """Tell which names of the odd files are one file."""
    found: dict[int, set[str]] = {}
    for path in (tree / "odd").rglob("*"):
        if stat.S_ISREG(path.lstat().st_mode):
            found.setdefault(path.lstat().st_ino, set()).add(str(path.relative_to(tree)))
    return {frozenset(names) for names in found.values() if "odd/one" in names}


def blocks(tree: Path) -> int:
    return sum((tree / "odd" / name).stat().st_blocks * 512 for name in ("sparse", "hole"))


@pytest.fixture
def machine(layout: Layout, version: Make, runner: Runner) -> Layout:
    version("other", PLAIN)
    write_tree(layout.building, PLAIN)
    furnish(layout.building)
    seal_building(layout, "a")
    runner.run("deploy", version="other")
    runner.run("deploy", version="a")
    return layout


def check(layout: Layout, name: str, expected: str) -> None:
    for tree in (layout.version(name), layout.resident(name)):
        assert seen(tree) == expected
        assert groups(tree) == {frozenset(("odd/one", "odd/two", "odd/inner/three"))}
        assert blocks(tree) < SPARSE / 10
        assert stat.S_ISSOCK((tree / "odd/socket").lstat().st_mode)
        assert stat.S_ISFIFO((tree / "odd/pipe").lstat().st_mode)


def test_it_is_the_same_after_every_operation(machine: Layout, runner: Runner) -> None:
    before = seen(machine.version("a"))
    assert "user.origin" in before
    assert "security.capability" in before
    assert "default:user:33:r-x" in before
    check(machine, "a", before)
    runner.run("revert", version="other")
    runner.run("revert", version="a")
    check(machine, "a", before)
    runner.run("verify", version="a", full=True)
    file = machine.resident("a") / "odd/attributed"
    os.setxattr(file, "user.origin", b"changed by a user")
    os.utime(file, (5, 5))
    name = runner.run("backup", full=True)["version"]
    check(machine, name, seen(machine.resident(name)))
    assert os.getxattr(machine.version(name) / "odd/attributed", "user.origin") == b"changed by a user"
    check_disk = seen(machine.version("a"))
    assert check_disk == before


@pytest.mark.parametrize(("kind", "number"), [(stat.S_IFCHR, os.makedev(1, 3)), (stat.S_IFBLK, os.makedev(7, 0))])
def test_a_device_is_refused_by_name_and_costs_nothing(machine: Layout, runner: Runner, kind: int, number: int) -> None:
    os.mknod(machine.resident("a") / "lib/device", kind | 0o666, number)
    before = listing(machine.version("a"), times=True)
    with pytest.raises(Failed, match="lib/device is a device"):
        runner.run("backup")
    with pytest.raises(VerifyFailed, match="lib/device is not part of the version"):
        runner.run("verify", version="a")
    with pytest.raises(Failed, match="lib/device is a device"):
        manifest.scan(machine.resident("a"))
    assert versions.directories(machine) == ["a", "other"]
    assert listing(machine.version("a"), times=True) == before
    assert not machine.building.exists()
    runner.run("revert", version="other")
