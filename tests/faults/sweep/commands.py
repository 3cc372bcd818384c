"""The engine's command as a process that strace looks at, and the programs that it starts."""

from __future__ import annotations

import os
import random
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import stacks.engine.command  # noqa: F401 — else every run would read it anew, and some would read it in another order
from stacks.engine.process import with_parent
from tests.faults.kills import worker
from tests.faults.kills.place import Place
from tests.faults.sweep.calls import TRACED, Call, read

Wrap = Callable[[int], Sequence[str]]
_NUMBER = 20_000


@dataclass
class Ran:
    """How a command ended, and what it said."""

    status: int
    said: list[str]


def run(place: Place, words: Sequence[str]) -> Ran:
    """Run `python -m stacks.engine` from a process that has loaded it already."""
    return _run(place, words, nullcontext, lambda program: (), alike=False)


def traced(place: Place, words: Sequence[str]) -> tuple[Ran, list[Call]]:
    """Run it traced; gives its calls, followed by those of each program that it started, which is traced by itself."""
    for left in place.path.glob("trace*"):
        left.unlink()
    attached = partial(_attached, trace(place, 0))
    ran = _run(place, words, attached, lambda program: _strace(trace(place, program)))
    programs = sorted(int(path.suffix[1:]) for path in place.path.glob("trace.*"))
    return ran, [call for program in programs for call in read(lines(place, program), program)]


def injected(place: Place, words: Sequence[str], program: int, *inject: str) -> Ran:
    """Run it with what strace injects into one program, of which 0 is the command itself."""
    file = trace(place, program)
    file.unlink(missing_ok=True)
    if program == 0:
        return _run(place, words, partial(_attached, file, inject=inject), lambda _: ())
    return _run(place, words, nullcontext, lambda number: _strace(file, *inject) if number == program else ())


def trace(place: Place, program: int) -> Path:
    """Where the trace of a program goes."""
    return place.path / f"trace.{program}"


def lines(place: Place, program: int) -> list[str]:
    """Read the trace of a program."""
    file = trace(place, program)
    return file.read_text().splitlines() if file.exists() else []


def _run(place: Place, words: Sequence[str], looked_at: Any, wrap: Wrap, *, alike: bool = True) -> Ran:
    log = place.path / "log"
    log.unlink(missing_ok=True)
    reading, writing = os.pipe()
    command = partial(_command, words, reading, wrap, alike=alike)
    child = _numbered(command, log) if alike else worker.started(command, log)
    with looked_at(child):
        os.write(writing, b"!")
        _, status = os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    return Ran(os.waitstatus_to_exitcode(status), log.read_text().splitlines())


def _numbered(command: Callable[[], None], log: Path) -> int:
    """Start it as the process of the same number in every run: names of files that are not whole yet hold that."""
    while True:
        with suppress(ChildProcessError):  # what nobody waited for has its number still
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        Path("/proc/sys/kernel/ns_last_pid").write_text(f"{_NUMBER - 1}")
        if (child := worker.started(command, log)) == _NUMBER:
            return child
        os.kill(child, signal.SIGKILL)  # somebody was faster, and it has not begun
        os.waitpid(child, 0)


def _without_chance() -> None:
    """Have this process draw the same numbers in every run."""
    drawn = random.Random(0).randbytes
    os.urandom = random._urandom = drawn  # type: ignore[attr-defined]


def _strace(file: Path, *inject: str) -> list[str]:
    return ["strace", "-f", "-y", "-qq", "-s", "0", "-o", str(file), "-e", f"trace={TRACED}", *inject, "--"]


@contextmanager
def _attached(file: Path, child: int, inject: Sequence[str] = ()) -> Iterator[None]:
    # Without -f: every process has counts of its own, and what is started is not to fail too.
    argv = ["strace", "-y", "-s", "0", "-o", str(file), "-e", f"trace={TRACED}", *inject, "-p", str(child)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as strace:
        if not any("attached" in told for told in strace.stderr or ()):
            os.kill(child, signal.SIGKILL)
            raise AssertionError(f"{argv} did not attach to {child}")
        yield


def _command(words: Sequence[str], begin: int, wrap: Wrap, *, alike: bool) -> None:
    """Be `python -m stacks.engine` from the moment at which there is something to read."""
    if alike:
        _without_chance()
    os.read(begin, 1)
    sys.argv = ["stacks.engine", *words]
    _wrap_programs(wrap)
    try:
        runpy.run_module("stacks.engine", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        raise


def _wrap_programs(wrap: Wrap) -> None:
    """Put before each program that this process starts from now on, numbered from 1, what `wrap` says."""
    start, count, parent = subprocess.Popen, 0, with_parent()

    def popen(argv: Sequence[str], **options: Any) -> Any:
        nonlocal count
        count += 1
        # Behind those who look at who their parent is, which would else be whoever traces them.
        first = len(parent) if list(argv[: len(parent)]) == parent else 0
        first = next((at + 3 for at, word in enumerate(argv) if word.endswith("/ends.py")), first)
        return start([*argv[:first], *wrap(count), *argv[first:]], **options)

    subprocess.Popen = popen  # type: ignore[misc,assignment]
