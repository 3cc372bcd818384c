"""The machine as provisioning sees it: where its system files lie, what runs there, and as whom this process works."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import owner
from stacks.engine.errors import Refused

CODE = Path(__file__).resolve().parents[3]
MACHINE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# What needs no escape in fstab, unit files, polkit rules and shells alike.
_PLAIN = re.compile(r"/[A-Za-z0-9._+@:/-]+")


@dataclass(frozen=True, slots=True)
class Host:
    """System locations and rights; `memory` is in bytes, `systemctl` None where systemd does not run.

    `python` and `code` are what units start: the interpreter of this installation, and the directory it lies in.
    """

    memory: int
    uid: int
    may_mount: bool = True
    name: str = "local"
    etc: Path = Path("/etc")
    systemctl: tuple[str, ...] | None = None
    python: Path = Path(sys.executable)
    code: Path = CODE

    def __post_init__(self) -> None:
        """Raise Refused for locations that unit files cannot name as they are."""
        for place in (self.etc, self.python, self.code):
            check_plain(place)

    @property
    def is_root(self) -> bool:
        """Tell whether this process may change the system's files."""
        return self.uid == 0

    @property
    def fstab(self) -> Path:
        """The table of filesystems to mount at boot."""
        return self.etc / "fstab"

    @property
    def units(self) -> Path:
        """Where an admin's unit files lie."""
        return self.etc / "systemd" / "system"

    @property
    def environment(self) -> Path:
        """The file with the workers' environment."""
        return self.etc / "dlstack" / "environment"

    @property
    def polkit(self) -> Path:
        """The rule that lets the owner pause named units."""
        return self.etc / "polkit-1" / "rules.d" / "50-dlstack.rules"


def this_host() -> Host:
    """Look at the machine that this process runs on."""
    runs_systemd = Path("/run/systemd/system").is_dir() and shutil.which("systemctl") is not None
    name = os.uname().nodename.partition(".")[0].lower()
    return Host(
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        uid=os.geteuid(),
        may_mount=owner.may_mount(),
        name=name if MACHINE.fullmatch(name) else "local",
        systemctl=("systemctl", "--no-pager") if runs_systemd else None,
    )


def check_plain(place: Path) -> None:
    """Raise Refused for a path that cannot stand in fstab, unit files and shells as it is."""
    if not _PLAIN.fullmatch(str(place)):
        raise Refused(f"“{place}” cannot be named in system files: use letters, digits and “. _ + @ : -” in paths.")
