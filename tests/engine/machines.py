"""Directories in which a machine is made up: a root with real mounts, an /etc of its own, a stand-in for systemctl."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.provision import Host, fstab
from stacks.plans import execute
from stacks.plans.provision import plan
from tests.engine.conftest import Runner

OWNER = Owner(64990, 64990)
# What the units of deploy/ give: the owner's user, three capabilities, and no way to more.
AS_UNIT = (
    *("setpriv", "--reuid", "64990", "--regid", "64990", "--clear-groups", "--no-new-privs"),
    *("--inh-caps=+chown,+fowner,+dac_override", "--ambient-caps=+chown,+fowner,+dac_override"),
    *("--bounding-set=-all,+chown,+fowner,+dac_override", "--"),
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")

# Does with the unit files of one directory what systemd would.
_SYSTEMCTL = """#!/bin/sh
set -eu
place=$(dirname "$(dirname "$0")")
units=$place/etc/systemd/system
echo "$*" >> "$place/asked"
[ "$1" = enable ] || exit 0
shift
if [ "$1" = --now ]; then shift; fi
for unit in "$@"; do
    wants=$units/$(sed -n s/^WantedBy=//p "$units/$unit").wants
    mkdir -p "$wants"
    ln -sf "../$unit" "$wants/$unit"
    case $unit in *.mount)
        where=$(sed -n s/^Where=//p "$units/$unit")
        mountpoint -q "$where" || mount -t tmpfs -o "$(sed -n s/^Options=//p "$units/$unit")" tmpfs "$where"
    esac
done
"""


@contextmanager
def machine_place() -> Iterator[Path]:
    """Give a directory that every user reaches (pytest's own is closed); what is mounted below it is unmounted."""
    place = Path(tempfile.mkdtemp(prefix="dlstack-machine-"))
    place.chmod(0o755)
    (place / "etc/systemd/system").mkdir(parents=True)
    (place / "bin").mkdir()
    (place / "bin/systemctl").write_text(_SYSTEMCTL)
    (place / "bin/systemctl").chmod(0o755)
    try:
        yield place
    finally:
        unmount_below(place)
        shutil.rmtree(place)


def unmount_below(place: Path) -> None:
    """Unmount what lies below a directory, the deepest first."""
    points = [Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in sorted((point for point in points if point.is_relative_to(place)), reverse=True):
        subprocess.run(["umount", "-l", point], check=True)


def host(place: Path, *, systemd: bool = False, uid: int | None = None) -> Host:
    """Make the host of such a directory: 1 GiB of RAM, the name gp02."""
    systemctl = (str(place / "bin/systemctl"),) if systemd else None
    own = os.geteuid() if uid is None else uid
    return Host(memory=1024**3, uid=own, name="gp02", etc=place / "etc", systemctl=systemctl)


def provisioned(place: Path, layout: str) -> Runner:
    """Provision the root of such a directory, as its plan does; the owner is a user without an account."""
    runner = Runner(Layout(place / "data0"), OWNER)
    context = runner.context({"layout": layout, "ramdisk_bytes": 256 * 1024**2})
    execute(plan(context, host(place)), context, runner)
    return runner


def reboot(layout: Layout) -> None:
    """Lose what is in RAM: unmount the ramdisk, and mount a fresh one as boot does from the same options."""
    [options] = fstab.find(layout.root.parent / "etc/fstab", layout.ramdisk)
    subprocess.run(["umount", "-l", layout.ramdisk], check=True)
    spelled = options.text.split()[3]
    subprocess.run(["mount", "-t", "tmpfs", "-o", spelled, "tmpfs", layout.ramdisk], check=True)


def listing(place: Path, *, times: bool = False) -> dict[str, tuple[object, ...]]:
    """Describe every path below a directory: type, mode, owner, content; with `times` inode and mtime too."""
    return {str(path.relative_to(place)): _describe(path, times=times) for path in sorted(place.rglob("*"))}


def _describe(path: Path, *, times: bool) -> tuple[object, ...]:
    status = path.lstat()
    content: object = ""
    if path.is_symlink():
        content = os.readlink(path)
    elif path.is_file():
        content = path.read_bytes()
    found = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, content)
    return (*found, status.st_ino, status.st_mtime_ns) if times else found
