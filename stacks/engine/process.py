"""The one door to other programs: argument lists, no shell, output line by line, ended whole (style.md 8 and 10)."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stacks.engine import oom
from stacks.engine.errors import CommandFailed, Failed, TimedOut
from stacks.engine.events import Event, Sink
from stacks.engine.lines import LineSplitter
from stacks.engine.masks import Mask, Masking
from stacks.engine.stop import Stop
from stacks.engine.vault import INDEXES, without_logins

GRACE = 5.0  # seconds between the polite and the forced end
_PASSED_ON = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "TZ"),
)


@dataclass(frozen=True)
class Command:
    """A program with its arguments; `label` is what people read in the place of a long argument list.

    `silence` and `limit` are seconds without output and in all, None for no bound. It reads nothing from its standard
    input unless a descriptor is given for it. `look` is told the process's id and the program's name now and then, and
    raises Failed to end it; `mask` knows what its output must not show.
    """

    argv: Sequence[str]
    label: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    pass_fds: tuple[int, ...] = ()
    silence: float | None = None
    limit: float | None = None
    stdin: int = subprocess.DEVNULL
    look: Callable[[int, str], None] = lambda *_: None
    mask: Mask = field(default_factory=Mask)

    @property
    def program(self) -> str:
        """The name that errors speak of."""
        return self.label.split()[0] if self.label else Path(self.argv[0]).name


def base_environment(home: str = "/tmp") -> dict[str, str]:  # noqa: S108 — private inside a sandbox
    """Make a child's environment from nothing: a path, a locale, and the machine's proxy and certificate settings."""
    own = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8", "TERM": "dumb"}
    return own | passed_on(*_PASSED_ON)


def passed_on(*names: str) -> dict[str, str]:
    """Give what our own environment says, of indexes without users and passwords: those go by file (`vault`)."""
    found = {name: os.environ[name] for name in names if name in os.environ}
    return found | {name: without_logins(found[name]) for name in INDEXES if name in found}


def with_parent() -> list[str]:
    """Spell the command by which a program dies with this process, however and whenever that dies (invariant 7)."""
    # The kernel kills the child from then on; one whose parent died before finds another parent and does not begin.
    begin = '[ "$PPID" -eq "$0" ] || exit 1; exec "$@"'
    return ["setpriv", "--pdeathsig", "KILL", "--", "/bin/sh", "-c", begin, str(os.getpid())]


def run(command: Command, sink: Sink, stop: Stop, *, stdout: Callable[[str], None] | None = None) -> None:
    """Run a program to its end, its output going to `sink` line by line (standard output to `stdout` if given).

    Raises CommandFailed for a status other than 0, TimedOut, what `look` raises, Cancelled or Interrupted; in all but
    the first the whole process group is ended before, and none of it is left.
    """
    stop.check()
    sink(Event("command", command.label or subprocess.list2cmdline(command.argv)))
    process, kills = _start(command, split=stdout is not None), oom.kills()
    try:
        tail = _pump(process, command, sink, stop, stdout)
        status = process.wait()
    finally:
        _end(process)
    if status != 0:
        explained = f"{_explain(command, status, tail)}{oom.told(kills)}"
        raise CommandFailed(explained, status=status, program=command.program)


def _start(command: Command, *, split: bool) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [*with_parent(), *command.argv],
            stdin=command.stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if split else subprocess.STDOUT,
            env=dict(command.env) or base_environment(),
            cwd=command.cwd,
            pass_fds=command.pass_fds,
            start_new_session=True,
            umask=0o022,  # hundreds of users read what is built
        )
    except FileNotFoundError as error:
        raise Failed(f"{error.filename} is not installed on this machine (util-linux provides setpriv).") from None


def _pump(
    process: subprocess.Popen[bytes],
    command: Command,
    sink: Sink,
    stop: Stop,
    stdout: Callable[[str], None] | None,
) -> list[str]:
    tail: list[str] = []

    def output(line: str) -> None:
        tail.append(line)
        del tail[:-20]
        sink(Event("output", line))

    with selectors.DefaultSelector() as selector:
        for pipe, line in ((process.stdout, stdout or output), (process.stderr, output)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, _Reader(command.mask, line))
        try:
            _listen(selector, process.pid, command, stop)
        except TimedOut as error:
            _close(selector)
            raise TimedOut(f"{error}{_last_words(tail)}") from None
        finally:
            _close(selector)
    return tail


def _listen(selector: selectors.BaseSelector, pid: int, command: Command, stop: Stop) -> None:
    watch = _Watch(command)
    while selector.get_map():
        for key, _ in selector.select(0.2):
            watch.heard()
            if data := os.read(key.fd, 65536):
                key.data.feed(data)
            else:
                selector.unregister(key.fileobj)
                key.data.close()
        stop.check()
        watch.check()
        command.look(pid, command.program)


def _close(selector: selectors.BaseSelector) -> None:
    for key in selector.get_map().values():
        key.data.close()


def _last_words(tail: list[str]) -> str:
    last = next((plain for line in reversed(tail) if (plain := _COLOUR.sub("", line).strip())), "")
    return f" Its last words: “{last[-200:]}”. Nobody can answer a question that it asks." if last else ""


class _Reader:
    """Makes lines, without secrets, of what comes through a pipe; closing it twice is the same as once."""

    def __init__(self, mask: Mask, line: Callable[[str], None]) -> None:
        self._lines = LineSplitter(line)
        self._bytes = Masking(mask, self._lines.feed)

    def feed(self, data: bytes) -> None:
        self._bytes.feed(data)

    def close(self) -> None:
        self._bytes.close()
        self._lines.close()


class _Watch:
    """Watches for a program that is silent or runs for too long, by the monotonic clock."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._started = self._heard = time.monotonic()

    def heard(self) -> None:
        self._heard = time.monotonic()

    def check(self) -> None:
        now = time.monotonic()
        silence, limit = self._command.silence, self._command.limit
        if silence is not None and now - self._heard > silence:
            raise TimedOut(f"{self._command.program} printed nothing for {_long(silence)} and was ended.")
        if limit is not None and now - self._started > limit:
            raise TimedOut(f"{self._command.program} ran for more than {_long(limit)} and was ended.")


def _long(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"


def _end(process: subprocess.Popen[bytes]) -> None:
    for name in (signal.SIGTERM, signal.SIGKILL):
        # After the leader's end the group may still hold what it started: it is ended too.
        try:
            os.killpg(process.pid, name)
        except ProcessLookupError:
            break
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _explain(command: Command, status: int, tail: list[str]) -> str:
    ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    if status == 128 + signal.SIGKILL:  # as whoever started it for us tells
        ended += " (killed)"
    said = [line for line in (_COLOUR.sub("", line).strip() for line in tail) if line]
    # Tools put the cause where they say “error” (or draw a cross), and hints and traces around it.
    first = next((number for number, line in enumerate(said) if _CAUSE.search(line)), len(said) - 1)
    cause = " ".join(said[max(first, 0) :]) or "it printed nothing"
    return f"{command.label or command.program} {ended}: {cause[:400]}"


_COLOUR = re.compile(r"\x1b\[[0-9;]*m|[╰─▶├│]")
_CAUSE = re.compile(
    r"^\s*(error|fatal)\b|\berror:|×|✗|^[\w.]+(Error|Exception)\b|No space left|quota exceeded|Input/output error",
    re.IGNORECASE,
)
