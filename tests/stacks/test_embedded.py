"""The embedded default, really started: readiness, mending, and that nothing outlives it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from dlstackweb.environment import Environment
from stacks.embedded import home as homes
from stacks.embedded.configuration import write_configurations
from stacks.embedded.console import Follower
from stacks.embedded.lifecycle import check_port
from stacks.embedded.services import services
from stacks.engine.errors import Refused
from tests.conftest import REPOSITORY, Home, free_port
from tests.schedules import often


@contextmanager
def up(home: Home) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `dlstack up` until it announced the page; give the process and the sign-in link."""
    process = home.popen("up")
    try:
        yield process, _sign_in_link(process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def _sign_in_link(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"http://\S+sesame=\S+", line):
            return found.group()
    pytest.fail(f"dlstack up ended without a link:\n{said}")


def belonging_to(home: Home) -> list[psutil.Process]:
    """List every process that was started for a home, by its environment."""
    wanted = f"DLSTACK_HOME={home.path}".encode()
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _lives_with(process, wanted)]


def _lives_with(process: psutil.Process, variable: bytes) -> bool:
    try:
        variables = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        return variable in variables and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.NoSuchProcess):  # it ended meanwhile
        return False


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def get(home: Home, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", home.port, timeout=5)
    connection.request("GET", path)
    return connection.getresponse().status


def pid_of(home: Home, name: str) -> int:
    return int((home.path / "run" / f"ready-{name}").read_text())


def test_services_then_a_page_beside_another_home(home: Home) -> None:
    _leave_what_a_crash_leaves(home)
    both = [_ensure_running(home) for _ in range(2)]
    assert [starter.wait(timeout=90) for starter in both] == [0, 0]
    assert sum("supervisor.supervisord" in process.cmdline() for process in belonging_to(home)) == 1
    assert not any("uvicorn" in process.cmdline() for process in belonging_to(home))
    with up(home) as (process, link):
        assert link.startswith(f"http://127.0.0.1:{home.port}/sign-in/link/?sesame=")
        _it_serves(home)
        _secrets_are_private(home)
        worker = pid_of(home, "build")
        os.kill(worker, signal.SIGKILL)
        _another_home_dies_alone(Home(home.path / ("x" * 60) / ("y" * 60)))
        again = home.dlstack("up").stdout
        assert ("already runs" in again, _token(again) != _token(link)) == (True, True)
        eventually(lambda: pid_of(home, "build") != worker, 30)
        _it_serves(home)

        assert "Stopped." in home.dlstack("down").stdout
        process.communicate(timeout=20)
        assert (process.returncode, belonging_to(home)) == (0, [])
    assert "Nothing runs" in home.dlstack("down").stdout


def test_its_clock_rings_for_schedules(home: Home) -> None:
    with up(home):
        home.dlstack("shell", "-c", often.MAKE.format(machine="local"))
        eventually(lambda: often.is_rung(home.dlstack("shell", "-c", often.RUNS).stdout), 60)
        [told] = home.json("schedules")
        assert told["last"]["state"] == "refused"  # nothing is there that a backup could keep


def _leave_what_a_crash_leaves(home: Home) -> None:
    run = home.path / "run"
    run.mkdir(mode=0o700)
    for name in ("valkey.sock", "supervisor.sock"):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(run / name))
    (run / "supervisord.pid").write_text(str(os.getpid()))


def _another_home_dies_alone(deep: Home) -> None:
    """Kill a supervisor in a home too deep for sockets: nothing of that home outlives it."""
    try:
        with up(deep) as (process, _link):
            assert get(deep, "/readyz") == 200
            os.kill(int((deep.path / "run" / "supervisord.pid").read_text()), signal.SIGKILL)
            said, _nothing = process.communicate(timeout=20)
            assert (process.returncode, "signal 9" in said) == (1, True), said
            eventually(lambda: belonging_to(deep) == [], 5)
    finally:
        deep.remove()


def test_nothing_outlives_a_killed_up(home: Home) -> None:
    process = home.popen("up")
    eventually((home.path / "run" / "supervisord.pid").exists, 90)
    process.kill()
    process.communicate(timeout=20)
    eventually(lambda: belonging_to(home) == [], 30)


def _it_serves(home: Home) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{home.port}/readyz", timeout=5) as answer:
        assert json.load(answer) == {"database": True, "broker": True}
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert get(home, "/livez") == 200
    assert get(home, "/static/css/bootstrap.min.css") == 200


def _token(text: str) -> str:
    return text.split("sesame=", 1)[1].split(maxsplit=1)[0]


def _secrets_are_private(home: Home) -> None:
    for name in ("secret_key", "dlstack.sqlite3", "run/supervisord.conf", "run/valkey.conf"):
        assert stat.S_IMODE((home.path / name).stat().st_mode) == 0o600, name
    password = re.search(r"requirepass (\w+)", (home.path / "run" / "valkey.conf").read_text())
    assert password is not None
    for process in belonging_to(home):
        shown = " ".join(process.cmdline()) + str(process.environ())
        assert password.group(1) not in shown


def _ensure_running(home: Home) -> subprocess.Popen[bytes]:
    script = "import django; django.setup(); from stacks.embedded import ensure_running; ensure_running()"
    variables = {**home.variables, "DJANGO_SETTINGS_MODULE": "dlstackweb.settings"}
    return subprocess.Popen([sys.executable, "-c", script], env=variables, cwd=REPOSITORY)


def test_a_taken_port_is_refused_before_anything_starts(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", home.port))
        other.listen()
        done = home.dlstack("up", check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"Port {home.port}" in done.stderr
    assert belonging_to(home) == []


def test_a_port_that_is_none_is_refused_in_one_line(home: Home) -> None:
    done = subprocess.run(
        home.command("status"), env={**home.variables, "PORT": "eighty"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "PORT" in done.stderr


class TestEnvironment:
    def test_secrets_are_made_once_and_only_for_this_user(self, tmp_path: Path) -> None:
        first, second = Environment(home=tmp_path), Environment(home=tmp_path)
        assert first.secret == second.secret
        assert first.redis_url == second.redis_url
        assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600

    def test_sockets_of_a_deep_home_lie_in_a_short_directory(self, tmp_path: Path) -> None:
        deep = Environment(home=tmp_path / ("d" * 120))
        assert len(str(deep.valkey_socket)) < 100
        assert Environment(home=Path("/srv/d")).sockets == Path("/srv/d/run")

    def test_outside_services_are_honoured(self) -> None:
        named = Environment.model_validate({"REDIS_URL": "redis://broker/0"})
        assert (named.redis_url, named.is_embedded) == ("redis://broker/0", False)
        assert "valkey" not in [service.name for service in services(named, web=True)]

    def test_the_root_follows_the_home(self, tmp_path: Path) -> None:
        assert Environment(home=tmp_path).root == tmp_path / "data0"
        assert Environment(home=tmp_path, root=Path("/data0")).root == Path("/data0")


class TestHome:
    def test_the_stacks_owner_can_reach_a_root_inside_it(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        homes.prepare_home(Environment(home=tmp_path))
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o711
        assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700

    def test_preparing_again_leaves_an_open_database_its_locks(self, tmp_path: Path) -> None:
        environment = Environment(home=tmp_path)
        homes.prepare_home(environment)
        with closing(sqlite3.connect(tmp_path / "dlstack.sqlite3", isolation_level=None)) as mine:
            mine.execute("PRAGMA journal_mode=WAL")
            mine.execute("CREATE TABLE t (x)")
            homes.prepare_home(environment)
            other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM t'); c.close()"
            subprocess.run([sys.executable, "-c", other, str(tmp_path / "dlstack.sqlite3")], check=True)
            mine.execute("INSERT INTO t VALUES (1)")
            seen = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT x FROM t').fetchall())"
            done = subprocess.run(
                [sys.executable, "-c", seen, str(tmp_path / "dlstack.sqlite3")],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
        assert done.stdout.strip() == "[(1,)]"

    def test_a_name_that_configuration_files_cannot_hold_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="DLSTACK_HOME"):
            homes.prepare_home(Environment(home=tmp_path / 'a"b'))

    def test_a_link_in_place_of_a_private_directory_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Refused, match="belongs to another user"):
            homes.prepare_home(Environment(home=tmp_path))

    def test_percent_signs_and_spaces_reach_the_supervisor_unharmed(self, tmp_path: Path) -> None:
        environment = Environment(home=tmp_path / "a %(x)s b")
        homes.prepare_home(environment)
        write_configurations(environment, services(environment, web=True))
        assert "a %%(x)s b" in (environment.run / "supervisord.conf").read_text()


def test_a_free_port_is_accepted(tmp_path: Path) -> None:
    check_port(Environment.model_validate({"home": tmp_path, "PORT": free_port()}))


def test_the_console_follows_through_rotation(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("old\n")
    follower = Follower(tmp_path)
    with log.open("a") as file:
        file.write("new\nhalf")
    assert [line.split("| ")[1] for line in follower.read()] == ["new"]
    log.rename(tmp_path / "web.log.1")
    log.write_text("after\n")
    assert [line.split("| ")[1] for line in follower.read()] == ["after"]
    follower.close()
