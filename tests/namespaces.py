"""Network namespaces of tests, named after the process that made them: what a killed one left behind can be told."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ETC = Path("/etc/netns")  # what lies below a name is bound over /etc by `ip netns exec`
_OURS = re.compile(r"dlstack-(\d+)(-[a-z0-9-]+)?")


def ip(*words: str) -> str:
    """Run ip, and give what it printed."""
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


@contextmanager
def network(hosts: str, suffix: str = "") -> Iterator[str]:
    """Make a network namespace with a loopback, in which `hosts` is /etc/hosts; give its name."""
    remove_left()
    name = f"dlstack-{os.getpid()}{suffix}"
    try:
        (ETC / name).mkdir(parents=True)
        (ETC / name / "hosts").write_text(hosts)
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        _remove(name)


def remove_left() -> None:
    """Remove the namespaces of processes that are no more, with all that still runs in them."""
    names = {line.split()[0] for line in ip("netns", "list").splitlines() if line}
    for name in sorted(names | {place.name for place in ETC.glob("dlstack-*")}):
        if (found := _OURS.fullmatch(name)) and not Path("/proc", found[1]).exists():
            _remove(name)


def _remove(name: str) -> None:
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout
    for pid in map(int, listed.split()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    shutil.rmtree(ETC / name, ignore_errors=True)
