"""Copying with more rights than a foreign owner has, who may plant symlinks: only source and target are there (F35).

Root copies in a mount namespace, a worker with capabilities under Landlock. Where the kernel has no Landlock, rsync is
on its own: it never writes through a symlink of the target, which the owner cannot reach, and what it might read
through one of the source, with the mode and owner that it has there, stays in a closed place and is found when the copy
is compared with the source, which is gone through by descriptors.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from stacks.engine import landlocked, owner, process
from stacks.engine.events import Sink
from stacks.engine.process import Command, base_environment
from stacks.engine.sandbox import ended, system
from stacks.engine.stop import Stop

# Enough to keep owners, modes, attributes and file capabilities; nothing that reaches beyond files.
_KEPT = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP", "MKNOD")


def run(
    argv: Sequence[str],
    label: str,
    source: Path,
    target: Path,
    *,
    sink: Sink,
    stop: Stop,
    lock_fds: tuple[int, ...] = (),
    stdin: int = subprocess.DEVNULL,
) -> None:
    """Run a copying program that sees the system, `source` read-only and `target` alone, where this process has rights.

    A symlink that leads out of the two, planted before or in mid-copy, leads to nothing there.
    """
    if os.geteuid() == 0:
        argv = [*_namespace(source, target), "--", *argv]
    elif owner.may_give_files() and landlocked.version() >= landlocked.OLDEST:
        argv = [*_landlock(source, target), "--", *argv]
    process.run(Command(argv, label, base_environment(), pass_fds=lock_fds, stdin=stdin), sink, stop)


def _landlock(source: Path, target: Path) -> list[str]:
    return [sys.executable, "-I", "-S", landlocked.__file__, "--read", str(source), "--write", str(target)]


def _namespace(source: Path, target: Path) -> list[str]:
    capabilities = [word for name in _KEPT for word in ("--cap-add", f"CAP_{name}")]
    shown = ["--ro-bind", str(source), str(source), "--bind", str(target), str(target)]
    return [
        *ended(),
        *("bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-net"),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108 — the namespace's own
        *system(),
        *shown,
        *capabilities,
    ]
