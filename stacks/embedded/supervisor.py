"""Talking to the supervisor of a home: supervisord on a unix socket."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from dlstackweb.environment import REPOSITORY, Environment
from stacks.embedded.configuration import supervisor_configuration, supervisor_socket
from stacks.embedded.readiness import is_ready
from stacks.engine.errors import Failed

PATIENCE = 60.0
HOPELESS_AFTER = 10.0
MOST_STARTS = 3
_UNREACHABLE = (OSError, xmlrpc.client.Error)


@dataclass(frozen=True, slots=True)
class Program:
    """A program as the supervisor sees it; `state` is supervisord's word (RUNNING, BACKOFF, …)."""

    name: str
    state: str
    pid: int


class Supervisor:
    """The supervisor of one home, running or not."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    @property
    def _remote(self) -> Any:
        password = self.environment.derived_secret("supervisor")
        address = f"unix://{supervisor_socket(self.environment)}"
        transport = SupervisorTransport("dlstack", password, address)
        return xmlrpc.client.ServerProxy("http://dlstack", transport=transport).supervisor

    def is_running(self) -> bool:
        """Tell whether the supervisor answers and is not about to end."""
        try:
            return bool(self._remote.getState()["statename"] == "RUNNING")
        except _UNREACHABLE:
            return False

    def programs(self) -> list[Program]:
        """List the programs; empty when the supervisor does not answer."""
        try:
            found = self._remote.getAllProcessInfo()
        except _UNREACHABLE:
            return []
        return [Program(info["name"], info["statename"], int(info["pid"])) for info in found]

    def process(self) -> psutil.Process | None:
        """Find the supervisor's process, also when it does not answer; a stale pid file finds nothing."""
        try:
            found = psutil.Process(int((self.environment.run / "supervisord.pid").read_text()))
            ours = str(supervisor_configuration(self.environment)) in found.cmdline()
        except (OSError, ValueError, psutil.Error):
            return None
        return found if ours else None

    def start(self, *, ends_with_me: bool) -> subprocess.Popen[bytes]:
        """Start the supervisor in a session of its own; with `ends_with_me` the kernel ends it with this process."""
        command = [sys.executable, "-m", "supervisor.supervisord"]
        command += ["-n", "-c", str(supervisor_configuration(self.environment))]
        if ends_with_me:
            command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
        output = (self.environment.logs / "services" / "supervisor.out").open("wb")
        with output:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._variables(),
                cwd=REPOSITORY,
            )

    def add(self, name: str) -> None:
        """Start a program that was added to the configuration after the supervisor's start."""
        self._remote.reloadConfig()
        self._remote.addProcessGroup(name)

    def request_end(self) -> None:
        """Ask the supervisor to end all programs, the broker last, and itself."""
        try:
            # By itself it ends one program after the other, and looks at each once a second.
            for program in self.programs():
                if program.name != "valkey" and program.pid:
                    self._remote.stopProcess(program.name, False)
            self._remote.shutdown()
        except _UNREACHABLE:
            process = self.process()
            if process is not None:
                process.terminate()

    def wait_ready(self, names: list[str], alive: Callable[[], bool]) -> None:
        """Wait until the named programs do their work; raise Failed when one cannot start, with its last words."""
        began = time.monotonic()
        starts: dict[str, set[int]] = {name: set() for name in names}
        while starts:
            programs = {program.name: program for program in self.programs()}
            for name, pids in list(starts.items()):
                program = programs.get(name, Program(name, "STOPPED", 0))
                pids.add(program.pid)
                spent = time.monotonic() - began
                if program.pid and is_ready(self.environment, name, program.pid):
                    del starts[name]
                elif _is_hopeless(program, len(pids - {0}), spent) or not alive():
                    raise Failed(self._last_words(name))
            time.sleep(0.1 if starts else 0)

    def _last_words(self, name: str) -> str:
        logs = self.environment.logs / "services"
        for path in (logs / f"{name}.log", logs / "supervisor.out", logs / "supervisor.log"):
            lines = path.read_text(errors="replace").splitlines()[-15:] if path.exists() else []
            if lines:
                return "\n".join([f"“{name}” did not start. {path} ends with:", *lines])
        return f"“{name}” did not start; it left no log in {logs}."

    def _variables(self) -> dict[str, str]:
        environment = self.environment
        unwanted = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE"}
        return {
            **{name: value for name, value in os.environ.items() if name not in unwanted},
            "DLSTACK_HOME": str(environment.home),
            "DLSTACK_ROOT": str(environment.root),
            "PORT": str(environment.port),
            "PYTHONUNBUFFERED": "1",
            "CELERY_SKIP_CHECKS": "1",  # `make check` runs them; here they cost each worker a second
        }


def _is_hopeless(program: Program, starts: int, spent: float) -> bool:
    fails_at_once = program.state in {"BACKOFF", "FATAL"} and spent > HOPELESS_AFTER
    return fails_at_once or starts > MOST_STARTS or spent > PATIENCE
