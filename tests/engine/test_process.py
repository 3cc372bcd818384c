from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stacks.engine.errors import Cancelled, CommandFailed, Exceeded, Failed, TimedOut
from stacks.engine.events import Event
from stacks.engine.lines import LONGEST, LineSplitter
from stacks.engine.process import Command, run, with_parent
from stacks.engine.stop import Stop


def output(argv: list[str], stop: Stop | None = None, **options: object) -> list[Event]:
    events: list[Event] = []
    run(Command(argv, **options), events.append, stop or Stop())  # type: ignore[arg-type]
    return events


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it can go while it is read
        return False


def test_output_comes_line_by_line_after_the_command() -> None:
    events = output(["sh", "-c", "echo one; echo two >&2; printf three"])
    assert [(event.kind, event.text) for event in events[1:]] == [
        ("output", "one"),
        ("output", "two"),
        ("output", "three"),
    ]
    assert events[0].kind == "command"


def test_standard_output_can_go_its_own_way() -> None:
    lines: list[str] = []
    events: list[Event] = []
    run(Command(["sh", "-c", "echo data; echo talk >&2"]), events.append, Stop(), stdout=lines.append)
    assert lines == ["data"]
    assert [event.text for event in events if event.kind == "output"] == ["talk"]


def test_a_failure_names_the_cause_that_the_program_gave() -> None:
    with pytest.raises(CommandFailed, match="install ended with status 3: error: no such package") as caught:
        output(["sh", "-c", "echo 'error: no such package'; echo hint; exit 3"], label="install")
    assert caught.value.status == 3


def test_a_program_that_is_missing_is_named() -> None:
    with pytest.raises(Failed, match="no-such-program"):
        output(["no-such-program"])


def test_nothing_of_our_environment_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    text = " ".join(event.text for event in output(["env"]))
    assert "hidden" not in text
    assert "PYTHONPATH" not in text


def test_a_program_gets_no_input() -> None:
    assert [event.text for event in output(["sh", "-c", "read x; echo got:$x"])][1:] == ["got:"]


def test_the_whole_group_ends_on_cancel() -> None:
    stop, pids = Stop(), list[int]()
    script = "sh -c 'trap \"\" TERM; echo $$; sleep 60; sleep 60' & echo $$; wait"

    def note(event: Event) -> None:
        if event.text.isdigit():
            pids.append(int(event.text))
            if len(pids) == 2:
                stop.cancelled.set()

    with pytest.raises(Cancelled):
        run(Command(["sh", "-c", script]), note, stop)
    time.sleep(0.1)
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


def test_what_a_program_leaves_running_is_ended_with_it() -> None:
    pid = int(output(["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"])[1].text)
    time.sleep(0.1)
    assert not alive(pid)


def test_silence_and_length_are_bounded() -> None:
    with pytest.raises(TimedOut, match="printed nothing"):
        output(["sleep", "60"], silence=0.3)
    with pytest.raises(TimedOut, match="ran for more than"):
        output(["sh", "-c", "while :; do echo x; sleep 0.05; done"], limit=0.5)


def test_whoever_looks_at_a_program_can_end_it() -> None:
    seen: list[tuple[int, str]] = []

    def look(pid: int, program: str) -> None:
        seen.append((pid, program))
        if len(seen) == 3:
            raise Exceeded("It took too much.")

    began = time.monotonic()
    with pytest.raises(Exceeded, match="too much"):
        output(["sleep", "60"], look=look)
    assert time.monotonic() - began < 30
    assert {program for _, program in seen} == {"sleep"}
    assert not alive(seen[0][0])


def test_the_program_dies_with_us_even_when_we_are_killed(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from stacks.engine.process import Command, run, with_parent; from stacks.engine.stop import Stop\n"
        "run(Command(['sh', '-c', 'echo $$; exec sleep 60']), lambda e: print(e.text, flush=True), Stop())\n"
    )
    root = str(Path(__file__).parents[2])
    worker = subprocess.Popen([sys.executable, "-c", script, root], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    worker.stdout.readline()
    pid = int(worker.stdout.readline())
    assert alive(pid)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def test_a_program_whose_starter_is_gone_before_it_begins_does_nothing(tmp_path: Path) -> None:
    begun = [*with_parent(), "touch", str(tmp_path / "begun")]
    subprocess.run(["sh", "-c", 'sleep 0.2 && exec "$@" &', "sh", *begun], check=True)
    time.sleep(0.7)
    assert not (tmp_path / "begun").exists()
    subprocess.run(begun, check=True)
    assert (tmp_path / "begun").exists()


def test_the_cause_of_a_traceback_is_its_last_line() -> None:
    with pytest.raises(CommandFailed, match="ended with status 1: ValueError: no error here"):
        output(["python3", "-c", "def error(): raise ValueError('no error here')\nerror()"])


def test_a_program_that_waits_for_an_answer_is_ended_with_its_question() -> None:
    with pytest.raises(TimedOut, match=r"printed nothing for 1 s and was ended. Its last words: “Go on\? \[y/N\]”"):
        output(["sh", "-c", "printf 'Go on? [y/N] '; exec sleep 60"], silence=1.0)


def test_a_child_inherits_the_descriptors_given_to_it(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        texts = [event.text for event in output(["ls", "-l", f"/proc/self/fd/{descriptor}"], pass_fds=(descriptor,))]
    finally:
        os.close(descriptor)
    assert str(tmp_path) in texts[1]


def test_lines_are_bounded_and_nothing_is_lost() -> None:
    lines: list[str] = []
    splitter = LineSplitter(lines.append)
    data = b"x" * (3 * LONGEST) + b"\nshort\r\n\xff\n" + b"10%\r20%\r30%"
    for start in range(0, len(data), 1000):
        splitter.feed(data[start : start + 1000])
    splitter.close()
    assert [len(line) for line in lines[:3]] == [LONGEST] * 3
    assert lines[3:] == ["", "short", "\ufffd", "10%\r20%\r30%"] or lines[3:] == ["short", "\ufffd", "10%\r20%\r30%"]


def test_a_flood_without_newline_needs_no_memory() -> None:
    longest = [0]
    splitter = LineSplitter(lambda line: longest.__setitem__(0, max(longest[0], len(line))))
    for _ in range(400):
        splitter.feed(b"y" * 65536)
    splitter.close()
    assert longest[0] <= LONGEST


def test_stop_before_the_start_starts_nothing(tmp_path: Path) -> None:
    stop = Stop()
    stop.cancelled.set()
    with pytest.raises(Cancelled):
        output(["touch", str(tmp_path / "made")], stop)
    assert not (tmp_path / "made").exists()


def test_cancel_from_another_thread_is_noticed_soon() -> None:
    stop = Stop()
    threading.Timer(0.2, stop.cancelled.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        output(["sleep", "60"], stop)
    assert time.monotonic() - started < 5
