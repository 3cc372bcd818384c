"""Run a program that must not outlive its starter: python -I -S ends.py PARENT TASKS PROGRAM ARGUMENT…

Whatever the program leaves behind, in sessions of its own too, is killed when it ends, when the end is asked for, and
when the process PARENT, which starts this, is gone. In front of bubblewrap it ends a sandbox that is still being made,
which nothing else would: until its init runs, its processes outlive their parent.

The program dumps no core, is the first that the kernel takes when memory runs out, and its user has TASKS tasks at most
(0 for no bound). This stands before every guest: it imports little, because that takes longer than all it does.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
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
    program = start(os.getpid(), tasks, argv)
    while True:
        found, status = os.waitpid(-1, 0)
        if found == program:
            end_all()
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def start(own: int, tasks: int, argv: list[str]) -> int:
    """Start the program; the descriptors that this was given, of locks too, are its own as well."""
    program = os.fork()
    if program == 0:
        try:
            begin(own, tasks)
            os.execvp(argv[0], argv)  # noqa: S606 — that is what is wanted
        except OSError as error:
            print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)
    return program


def begin(own: int, tasks: int) -> None:
    """Make the program's process ready for it."""
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    end_with(own, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core holds what the program was given, secrets too
    if tasks:
        bound = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        most = tasks if bound == resource.RLIM_INFINITY else min(tasks, bound)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
    except OSError:  # /proc is closed here: the kernel chooses as it likes
        return


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
    for child in children():
        try:
            os.kill(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def children() -> list[int]:
    """List the children of this process: as the kernel says, or where it does not by a look at every process."""
    own = str(os.getpid())
    try:
        with open(f"/proc/{own}/task/{own}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and parent_of(name) == own]


def parent_of(process: str) -> str:
    """Read the number of a process's parent, "" when it is gone."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[1]
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
