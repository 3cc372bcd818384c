"""A real service: a process with a pid file, known by three commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stacks.engine import services
from stacks.engine.layout import Layout
from stacks.engine.process import with_parent


@contextmanager
def configured(layout: Layout, place: Path, *names: str) -> Iterator[Path]:
    """Make the machine's services (by default one, “notebooks”); yields the pid file of the first."""
    names = names or ("notebooks",)
    services.configure(layout, [_asked(name, place) for name in names])
    # The starter's group is ended with it, as any command's is: a real service is started by its own manager.
    wanted = f"for f in {place}/*.want; do test -e $f && . $f; rm -f $f; done"
    manager = subprocess.Popen([*with_parent(), "sh", "-c", f"while :; do {wanted}; sleep 0.05; done"])
    try:
        yield place / f"{names[0]}.pid"
    finally:
        manager.kill()
        manager.wait()
        for file in place.glob("*.pid"):
            with suppress(ProcessLookupError):  # the kernel was faster
                os.kill(int(file.read_text()), 9)


def _asked(name: str, place: Path) -> dict[str, object]:
    pid, want, start = (place / f"{name}.{ending}" for ending in ("pid", "want", "start"))
    asks = f"cp {start} {want}.new && mv {want}.new {want}"  # whole at once: by half of it nothing is started
    # For as long as its manager, however long a suite takes: one that ends by itself looks like one that was lost.
    start.write_text(f"setpriv --pdeathsig KILL setsid sleep infinity >/dev/null 2>&1 & echo $! > {pid}")
    return {
        "name": name,
        "status": ["sh", "-c", f"read -r pid < {pid} && kill -0 $pid"],
        "stop": ["sh", "-c", f"kill $(cat {pid}); rm {pid}"],
        "start": ["sh", "-c", f"{asks}; while test -e {want}; do sleep 0.01; done"],
    }
