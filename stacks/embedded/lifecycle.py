"""Starting and ending what a home runs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
from django.conf import settings

from dlstackweb.environment import Environment
from stacks.embedded.bootstrap import bootstrap
from stacks.embedded.configuration import write_configurations
from stacks.embedded.home import locked, prepare_home, write_private
from stacks.embedded.readiness import host_of
from stacks.embedded.services import services
from stacks.embedded.supervisor import Supervisor
from stacks.engine.errors import Failed, Refused

Tell = Callable[[str], object]
LONGEST_STOP = 90.0


def is_running() -> bool:
    """Tell whether this home's services run under their supervisor."""
    return Supervisor(settings.DLSTACK).is_running()


def web_address() -> str:
    """Give the address of the running web server; "" when there is none."""
    environment: Environment = settings.DLSTACK
    if not any(program.name == "web" for program in Supervisor(environment).programs()):
        return ""
    try:
        return str(json.loads((environment.run / "web.json").read_text())["address"])
    except (OSError, ValueError, KeyError):
        return ""


def ensure_running(*, web: bool = False, tell: Tell | None = None) -> None:
    """Start this home's services in the background unless they run; return when each does its work.

    Does nothing when database or broker were named from outside: then somebody else runs the services. Raises Refused
    or Failed.
    """
    if settings.DLSTACK.is_embedded:
        start(web=web, ends_with_me=False, tell=tell or _to_stderr)


def start(*, web: bool, ends_with_me: bool, tell: Tell) -> subprocess.Popen[bytes] | None:
    """Start what does not run yet; give back the supervisor's process when it was started here."""
    environment: Environment = settings.DLSTACK
    prepare_home(environment)
    with locked(environment, "start"):
        supervisor = Supervisor(environment)
        running = [program.name for program in supervisor.programs()] if supervisor.is_running() else []
        if running and ("web" in running or not web):
            return None
        if web:
            check_port(environment)
        if running:
            _add_web(supervisor, tell)
            return None
        _end_unanswering(supervisor)
        bootstrap(tell=tell)
        return _start_all(supervisor, web=web, ends_with_me=ends_with_me, tell=tell)


def check_port(environment: Environment) -> None:
    """Raise Refused when another program has the port."""
    family = socket.AF_INET6 if ":" in environment.listen else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((environment.listen, environment.port))
        except OSError as error:
            raise Refused(
                f"Port {environment.port} of {environment.listen} cannot be used ({error.strerror}): "
                f"choose another, for example PORT={environment.port + 1}."
            ) from None


def shut_down(*, tell: Tell | None = None) -> bool:
    """End everything that runs for this home and wait for it; tell whether there was anything."""
    environment: Environment = settings.DLSTACK
    if not environment.run.is_dir():
        return False
    with locked(environment, "start"):
        supervisor = Supervisor(environment)
        processes = _processes(supervisor)
        if processes:
            (tell or _to_stderr)("Stopping …")
            supervisor.request_end()
            _wait_for_end(supervisor, processes)
        _clear_away(environment)
        return bool(processes)


def ended_badly(status: int) -> Failed:
    """Make the error for a supervisor that ended with `status` although nobody asked it to."""
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return Failed(f"The supervisor {how}, and everything with it: start again.")


def kill(supervisor_process: psutil.Process | None) -> None:
    """End the supervisor at once; the kernel ends its programs with it."""
    if supervisor_process is not None:
        supervisor_process.kill()


def _start_all(supervisor: Supervisor, *, web: bool, ends_with_me: bool, tell: Tell) -> subprocess.Popen[bytes]:
    environment = supervisor.environment
    wanted = services(environment, web=web)
    _clear_away(environment)
    prepare_home(environment)
    write_configurations(environment, wanted)
    if web:
        _note_address(environment)
    tell("Starting " + ", ".join(service.name for service in wanted) + " …")
    process = supervisor.start(ends_with_me=ends_with_me)
    try:
        supervisor.wait_ready([service.name for service in wanted], lambda: process.poll() is None)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return process


def _add_web(supervisor: Supervisor, tell: Tell) -> None:
    tell("Starting web …")
    write_configurations(supervisor.environment, services(supervisor.environment, web=True))
    _note_address(supervisor.environment)
    supervisor.add("web")
    supervisor.wait_ready(["web"], supervisor.is_running)


def _note_address(environment: Environment) -> None:
    address = f"http://{host_of(environment)}:{environment.port}/"
    write_private(environment.run / "web.json", json.dumps({"address": address}))


def _processes(supervisor: Supervisor) -> list[psutil.Process]:
    """List the supervisor and its programs."""
    found = supervisor.process()
    if found is None:
        return []
    try:
        return [found, *found.children(recursive=True)]
    except psutil.Error:
        return [found]


def _end_unanswering(supervisor: Supervisor) -> None:
    """End a supervisor that exists but does not answer: one that is ending, or hangs."""
    processes = _processes(supervisor)
    if processes:
        supervisor.request_end()
        _wait_for_end(supervisor, processes)


def _wait_for_end(supervisor: Supervisor, processes: list[psutil.Process]) -> None:
    deadline = time.monotonic() + LONGEST_STOP
    while any(_lives(process) for process in processes):
        if time.monotonic() > deadline:
            for process in filter(_lives, processes):
                process.kill()
            return
        supervisor.programs()  # being asked wakes it, so that it notices at once what ended
        time.sleep(0.05)


def _lives(process: psutil.Process) -> bool:
    # In a container nobody may reap what lost its parent: a zombie has ended.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _clear_away(environment: Environment) -> None:
    """Remove what a run left behind; the locks stay, since somebody may wait for them."""
    for path in environment.run.iterdir():
        if not path.name.endswith(".lock") and not path.is_dir():
            path.unlink(missing_ok=True)
    if environment.sockets != environment.run:
        shutil.rmtree(environment.sockets, ignore_errors=True)


def _to_stderr(line: str) -> Any:
    sys.stderr.write(line + "\n")
