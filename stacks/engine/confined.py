"""Copying with root's rights where a foreign owner may plant symlinks: only source and target are there (F35)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stacks.engine import process
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
    readable: Sequence[Path] = (),
) -> None:
    """Run a copying program; as root in a mount namespace with the system, `source` read-only and `target` alone.

    A symlink that leads out of the two, planted before or in mid-copy, leads to nothing there.
    """
    if os.geteuid() == 0:
        argv = [*_namespace(source, target, readable), "--", *argv]
    process.run(Command(argv, label, base_environment(), pass_fds=lock_fds), sink, stop)


def _namespace(source: Path, target: Path, readable: Sequence[Path]) -> list[str]:
    capabilities = [word for name in _KEPT for word in ("--cap-add", f"CAP_{name}")]
    shown = ["--ro-bind", str(source), str(source), "--bind", str(target), str(target)]
    files = [word for path in readable for word in ("--ro-bind", str(path), str(path))]
    return [
        *ended(),
        *("bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-net"),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108 — the namespace's own
        *system(),
        *shown,
        *files,
        *capabilities,
    ]
