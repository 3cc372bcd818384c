"""The configuration files of the supervisor and of Valkey, written 0600 into the home."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from dlstackweb.environment import REPOSITORY, Environment
from stacks.embedded.home import write_private
from stacks.embedded.services import Service

RUN_BY_ROOT = "root"


def supervisor_configuration(environment: Environment) -> Path:
    """Name the supervisor's configuration file."""
    return environment.run / "supervisord.conf"


def supervisor_socket(environment: Environment) -> Path:
    """Name the supervisor's unix socket."""
    return environment.sockets / "supervisor.sock"


def write_configurations(environment: Environment, services: Iterable[Service]) -> None:
    """Write what the supervisor and Valkey read at their start."""
    sections = [*_supervisor(environment), *(_program(environment, service) for service in services)]
    write_private(supervisor_configuration(environment), "\n".join(sections))
    write_private(environment.run / "valkey.conf", _valkey(environment))


def _supervisor(environment: Environment) -> list[str]:
    password = environment.derived_secret("supervisor")
    supervisord: dict[str, object] = {
        "nodaemon": "true",
        "silent": "true",
        "logfile": environment.logs / "services" / "supervisor.log",
        "logfile_maxbytes": "2MB",
        "logfile_backups": 1,
        "pidfile": environment.run / "supervisord.pid",
        "directory": REPOSITORY,
        "childlogdir": environment.logs / "services",
        "strip_ansi": "false",
        "identifier": "dlstack",
    }
    if os.geteuid() == 0:
        supervisord["user"] = RUN_BY_ROOT  # says that this is meant, else every start warns
    socket = {"file": supervisor_socket(environment), "chmod": "0600", "username": "dlstack", "password": password}
    interface = {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"}
    return [
        _section("unix_http_server", socket),
        _section("supervisord", supervisord),
        _section("rpcinterface:supervisor", interface),
    ]


def _program(environment: Environment, service: Service) -> str:
    # The kernel ends each program with the supervisor, whatever ended that; KILL, because it cannot be put off.
    command = ("setpriv", "--pdeathsig", "KILL", "--", *service.command)
    values: dict[str, object] = {
        "command": shlex.join(command),
        "priority": service.priority,
        "autostart": "true",
        "autorestart": "true",
        "startsecs": 2,
        "startretries": 1_000_000,  # supervisord waits a second longer each time; giving up helps nobody
        "stopwaitsecs": service.stop_seconds,
        "redirect_stderr": "true",
        "stdout_logfile": environment.logs / "services" / f"{service.name}.log",
        "stdout_logfile_maxbytes": "5MB",
        "stdout_logfile_backups": 2,
    }
    if service.variables:
        values["environment"] = ",".join(f'{name}="{value}"' for name, value in service.variables)
    return _section(f"program:{service.name}", values)


def _section(name: str, values: Mapping[str, object]) -> str:
    lines = (f"{key} = {str(value).replace('%', '%%')}" for key, value in values.items())
    return "\n".join([f"[{name}]", *lines, ""])


def _valkey(environment: Environment) -> str:
    values = {
        "port": "0",
        "unixsocket": _quoted(environment.valkey_socket),
        "unixsocketperm": "700",
        "requirepass": environment.derived_secret("valkey"),
        "dir": _quoted(environment.home / "valkey"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "always-show-logo": "no",
        "set-proc-title": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in values.items())


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\") + '"'
