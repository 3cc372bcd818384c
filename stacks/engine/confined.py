"""Copying with more rights than a foreign owner has, who may plant symlinks: only source and target are there (F35).

Root copies in a mount namespace, a worker with capabilities under Landlock. Where the kernel has no Landlock, rsync is
on its own: it never writes through a symlink of the target, which the owner cannot reach, and what it might read
through one of the source, with the mode and owner that it has there, stays in a closed place and is found when the copy
is compared with the source, which is gone through by descriptors.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from stacks.engine import landlocked, owner, process
from stacks.engine.events import Sink
from stacks.engine.process import Command
from stacks.engine.sandbox import ended, system
from stacks.engine.stop import Stop

# Enough to keep owners, modes, attributes and file capabilities; nothing that reaches beyond files.
_KEPT = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP", "MKNOD")
_NAMES = ("passwd", "group", "hosts", "host.conf", "gai.conf", "nsswitch.conf", "resolv.conf", "services", "ssl")


def fetch(
    command: Command, target: Path, readable: Sequence[Path], sink: Sink, stop: Stop, *, stdout: Callable[[str], None]
) -> None:
    """Run a program that copies from the network: it sees the system, `readable` and `target`, where we have rights.

    What the other side sends, however it is made, ends up in `target` or nowhere. A symlink that leads out of the
    two, planted before or in mid-copy, leads to nothing there.
    """
    argv = [*_walls([*readable, *_named()], target), *command.argv]
    process.run(replace(command, argv=argv), sink, stop, stdout=stdout)


def _named() -> list[Path]:
    """Name what ssh reads to find out who it is and where others are."""
    return [path for name in _NAMES if (path := Path("/etc", name)).exists()]


def _walls(readable: Sequence[Path], target: Path) -> list[str]:
    """Spell what stands before a program that is to be confined, [] for one without rights of its own."""
    if os.geteuid() == 0:
        return [*_namespace(readable, target), "--"]
    if owner.may_give_files() and landlocked.version() >= landlocked.OLDEST:
        return [*_landlock(readable, target), "--"]
    return []


def _landlock(readable: Sequence[Path], target: Path) -> list[str]:
    shown = [word for path in readable for word in ("--read", str(path))]
    return [sys.executable, "-I", "-S", landlocked.__file__, *shown, "--write", str(target)]


def _namespace(readable: Sequence[Path], target: Path) -> list[str]:
    capabilities = [word for name in _KEPT for word in ("--cap-add", f"CAP_{name}")]
    shown = [word for path in readable for word in ("--ro-bind", str(path), str(path))]
    shown += ["--bind", str(target), str(target)]
    return [
        *ended(),
        *("bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc"),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108 — the namespace's own
        *system(),
        *shown,
        *capabilities,
    ]
