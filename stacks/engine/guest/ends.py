"""Run a program that must not outlive its starter: python -I -S ends.py PARENT TASKS PROGRAM ARGUMENT…

Whatever the program leaves behind, in sessions of its own too, is killed when it ends, when the end is asked for, and
when the process PARENT, which starts this, is gone. In front of bubblewrap it ends a sandbox that is still being made,
which nothing else would: until its init runs, its processes outlive their parent.

The program dumps no core, is the first that the kernel takes when memory runs out, and its user has TASKS tasks at most
(0 for no bound).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys

_GRACE = 2  # seconds from SIGTERM to SIGKILL; less than the engine gives
_libc = ctypes.CDLL(None)
_PDEATHSIG, _SUBREAPER = 1, 36  # of prctl(2)


def main(parent: int, tasks: int, argv: list[str]) -> int:
    """Run the program to its end, and end the rest; gives back its status, as a shell would."""
    _libc.prctl(_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_GRACE))
    signal.signal(signal.SIGALRM, lambda *_: kill_children())
    signal.signal(signal.SIGHUP, lambda *_: give_up())
    end_with(parent, signal.SIGHUP)
    own = os.getpid()
    # The locks that it was given are the program's too (close_fds); there are no threads that preexec_fn could harm.
    program = subprocess.Popen(argv, preexec_fn=lambda: begin(own, tasks), close_fds=False)  # noqa: PLW1509
    status = program.wait()
    end_all()
    return status if status >= 0 else 128 - status


def begin(own: int, tasks: int) -> None:
    """Make the program's process ready for it."""
    end_with(own, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core holds what the program was given, secrets too
    if tasks:
        resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def end_with(parent: int, number: int) -> None:
    """Have the kernel send a signal to this process when its parent ends; one that is gone already sends none."""
    _libc.prctl(_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def give_up() -> None:
    """End at once, with all that was started."""
    end_all()
    os._exit(1)


def end_all() -> None:
    """Kill and reap until nothing is left: what a killed child had started becomes a child of this process."""
    while True:
        kill_children()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def kill_children() -> None:
    """Kill every child of this process."""
    own = str(os.getpid())
    for name in os.listdir("/proc"):
        if name.isdigit() and parent_of(name) == own:
            try:
                os.kill(int(name), signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue


def parent_of(process: str) -> str:
    """Read the number of a process's parent, "" when it is gone."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[1]
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
