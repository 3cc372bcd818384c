"""What a hostile build tries, each by itself: run inside a build, it tells what it got ("" for nothing).

Standard library only: this file is copied into a repository and into a source package.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Targets = dict[str, Any]


def report(targets: Targets) -> dict[str, str]:
    """Try everything; what raises got nothing."""
    return {name: _tried(attempt, targets) for name, attempt in ATTEMPTS.items()}


def _tried(attempt: Callable[[Targets], object], targets: Targets) -> str:
    try:
        return str(attempt(targets) or "")
    except OSError:
        return ""


def read_files(targets: Targets) -> str:
    return ", ".join(path for path in targets["files"] if _reads(path))


def _reads(path: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(os.listdir(path) if os.path.isdir(path) else Path(path).read_bytes()[:1])
    return False


def read_through_proc(targets: Targets) -> str:
    roots = [f"/proc/{pid}/{name}" for pid in _processes() for name in ("root", "cwd")]
    return ", ".join(root + path for root in roots for path in targets["files"] if _reads(root + path))


def write_files(targets: Targets) -> str:
    return ", ".join(path for path in targets["writable"] if _writes(path))


def _writes(path: str) -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        return True
    return False


def connect_to_ports(targets: Targets) -> str:
    return ", ".join(f"{host}:{port}" for host, port in targets["ports"] if _connects(host, port))


def _connects(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=2):
        return True
    return False


def connect_through_the_gate(targets: Targets) -> str:
    return ", ".join(f"{host}:{port}" for host, port in targets["ports"] if _let_through(host, port))


def _let_through(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 3128), timeout=2) as proxy:
        proxy.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
        return b" 200 " in proxy.recv(100)
    return False


def connect_to_sockets(targets: Targets) -> str:
    found = []
    for name in targets["sockets"]:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(name)
            found.append(repr(name))
    return ", ".join(found)


def send_packets(targets: Targets) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("192.0.2.53", 53))
    return "sent"


def see_processes(targets: Targets) -> str:
    # Its own, those in front of it, and the init of its namespace; bubblewrap and setpriv are gone or are that init.
    others = [pid for pid in _processes() if _name(pid) not in targets["own_programs"]]
    return ", ".join(f"{pid} {_name(pid)}" for pid in others)


def _processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _name(pid: str) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return "gone"


def signal_processes(targets: Targets) -> str:
    os.kill(targets["worker"], signal.SIGCONT)
    return "signalled the worker"


def have_rights(targets: Targets) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    wrong = [line for line in lines if line.startswith("Cap") and int(line.split()[1], 16)]
    wrong += [line for line in lines if line.startswith("NoNewPrivs") and line.split()[1] != "1"]
    wrong += [line for line in lines if line.startswith(("Uid", "Groups")) and "0" in line.split()[1:]]
    return ", ".join(wrong)


def become_root(targets: Targets) -> str:
    os.setuid(0)
    return "uid 0"


def use_setuid_programs(targets: Targets) -> str:
    found = [path for path in ("/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount") if os.path.exists(path)]
    code = "import os; print(os.geteuid())"
    for program in found:
        os.link(program, "mine")  # a link of one, to be run as ours
        return subprocess.run(["./mine", "-c", code], capture_output=True, text=True, check=False).stdout
    return ""


def mount(targets: Targets) -> str:
    done = ctypes.CDLL(None, use_errno=True).mount(b"none", b"/tmp", b"tmpfs", 0, None)
    return "mounted" if done == 0 else ""


def make_devices(targets: Targets) -> str:
    os.mknod("disk", 0o60600, os.makedev(254, 0))
    return "a device"


def give_files_away(targets: Targets) -> str:
    Path("mine").write_text("x")
    os.chown("mine", 0, 0)
    return "a file of root's"


def see_devices(targets: Targets) -> str:
    usual = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm", "fd", "core"}
    return ", ".join(set(os.listdir("/dev")) - usual - {"stdin", "stdout", "stderr"})


def know_variables(targets: Targets) -> str:
    wrong = [
        name for name in os.environ if name.startswith(("DLSTACK", "DJANGO", "DATABASE", "REDIS", "CELERY", "PYTEST"))
    ]
    wrong += [name for name, value in os.environ.items() if any(secret in value for secret in targets["secrets"])]
    return ", ".join(wrong)


def hold_descriptors(targets: Targets) -> str:
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            place = os.readlink(f"/proc/self/fd/{name}")
            if int(name) > 2 and not place.startswith("/proc/"):
                found.append(place)
            fcntl.flock(int(name), fcntl.LOCK_UN)
    return ", ".join(found)


def have_a_terminal(targets: Targets) -> str:
    with open("/dev/tty") as terminal:
        return terminal.name


def read_input(targets: Targets) -> str:
    return os.read(0, 10).decode()


def dump_core(targets: Targets) -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    return f"{soft} {hard}" if soft or hard else ""


def change_the_kernel(targets: Targets) -> str:
    return ", ".join(path for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger") if _writes(path)) + (
        "/sys" if os.path.exists("/sys/kernel") else ""
    )


def escape_oom(targets: Targets) -> str:
    Path("/proc/self/oom_score_adj").write_text("-1000")
    return "never taken when memory runs out"


def spoil_the_caches(targets: Targets) -> str:
    """Write into every file of the package caches, which it may; the test looks at what that changed elsewhere."""
    for path in Path(targets["root"], "cache").rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink():
                path.write_bytes(b"spoilt")
    return ""


ATTEMPTS: dict[str, Callable[[Targets], object]] = {
    attempt.__name__: attempt
    for attempt in (
        *(read_files, read_through_proc, write_files, connect_to_ports, connect_through_the_gate, connect_to_sockets),
        *(send_packets, see_processes, signal_processes, have_rights, become_root, use_setuid_programs, mount),
        *(make_devices, give_files_away, see_devices, know_variables, hold_descriptors, have_a_terminal, read_input),
        *(dump_core, change_the_kernel, escape_oom, spoil_the_caches),
    )
}

if __name__ == "__main__":
    given = json.loads(Path(__file__).with_name("targets.json").read_text())
    os.mkdir("anaconda3")
    Path("anaconda3/report.json").write_text(json.dumps(report(given)))
