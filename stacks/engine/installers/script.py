"""Environments made by a script of a git repository, run at the live path as an admin would run it by hand."""

from __future__ import annotations

import json
import os
import pwd
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from stacks.engine import documents, versions
from stacks.engine.environments import Environment
from stacks.engine.errors import Failed, Refused
from stacks.engine.events import Event, Sink
from stacks.engine.installers.base import Site
from stacks.engine.process import passed_on
from stacks.engine.suspects import SUSPECT

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SHOWN = 3  # suspicious lines that the warning repeats
# What a machine says about its own certificates and mirrors.
_PASSED_ON = ("PIP_INDEX_URL", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")
_KEYS = ("/etc/passwd", "/etc/group", "/etc/ssh")


class Script:
    """Runs a script with the live path as its working directory; the lockfile is the repository and the commit."""

    fields = ("source", "ref", "script", "arguments", "kernel_arguments", "variables", "secrets")
    needed = ("source", "script")
    compiled_last = False

    def check(self, environment: Environment) -> None:
        """Look for a repository on this machine, and for git."""
        if environment.source.startswith("/") and not Path(environment.source).is_dir():
            raise Refused(f"{environment.path}: the repository {environment.source} does not exist on this machine.")

    def resolve(self, environment: Environment, site: Site) -> str:
        """Check the ref out and name its commit."""
        found = _checkout(environment.source, environment, site)
        site.sink(Event("note", f"{environment.ref} of {environment.source} is {found.commit}."))
        return _lockfile({"source": environment.source, "ref": environment.ref, "commit": found.commit})

    def install(self, environment: Environment, lockfile: str, site: Site) -> int:
        """Run the script of the locked commit, and count what looks like an error although the script went on."""
        locked = _read(lockfile)
        found = _checkout(locked["source"], environment, site, commit=locked["commit"])
        watch = _Watch(site.sink)
        checkout = site.ground.offer(f"source/{environment.path}", found.place)
        script = f"{checkout}/{environment.script}"
        argv = [*([] if found.executable else ["/bin/bash"]), script, *arguments(environment, site)]
        replace(site, sink=watch).run(
            argv,
            label=f"{environment.script} in {site.layout.live}",
            env=variables(environment),
            readable=_specs(site),
            network=True,
        )
        if not versions.is_directory(site.building / environment.path):
            raise Failed(
                f"{environment.script} ended without making {site.prefix(environment)}: look for the cause above."
            )
        watch.tell(environment.script)
        return watch.count

    def packages(self, lockfile: str) -> None:
        """Tell nothing: what a script installs is known when it has run."""
        _read(lockfile)


def arguments(environment: Environment, site: Site) -> list[str]:
    """Give the script's arguments, with the paths of this build in their places."""
    places = {"{root}": str(site.layout.root), "{live}": str(site.layout.live), "{kernel_dir}": site.kernel_dir}
    given = [*environment.arguments, *(environment.kernel_arguments if site.kernel_dir else ())]
    for name, path in places.items():
        given = [argument.replace(name, path) for argument in given]
    return given


def variables(environment: Environment) -> dict[str, str]:
    """Give the script's environment: of its own, but for the machine's certificates and mirrors."""
    own = {"SHELL": "/bin/bash", "USER": "datalab", "LOGNAME": "datalab"}
    return own | passed_on(*_PASSED_ON) | dict(environment.variables)


def _specs(site: Site) -> tuple[Path, ...]:
    """The kernelspec directories that scripts look into: the one given, and the machine's own."""
    places = [Path(site.kernel_dir)] if site.kernel_dir else []
    return tuple(dict.fromkeys([*places, *([site.layout.kernel_specs] if site.layout.kernel_specs.is_dir() else [])]))


@dataclass(frozen=True)
class _Checkout:
    """A commit on disk, at a place of the worker's own; `executable` tells whether the script may be run as it is."""

    commit: str
    executable: bool
    place: Path


def _checkout(source: str, environment: Environment, site: Site, *, commit: str = "") -> _Checkout:
    place = site.inputs / f"source-{environment.path}"
    record = site.inputs / f"source-{environment.path}.json"
    if not record.exists():
        place.mkdir(mode=0o755)
        if os.geteuid() == 0:
            os.chown(place, site.owner.uid, site.owner.gid)
        record.write_text(_git(source, environment, site, place, commit))
    known = documents.parse(record.read_text())
    if commit and known["commit"] != commit:
        raise Failed(f"{source} gave the commit {known['commit']}, not {commit} as the lockfile has it.")
    return _Checkout(known["commit"], bool(known["executable"]), place)


def _git(source: str, environment: Environment, site: Site, place: Path, commit: str) -> str:
    name = f"source/{environment.path}"
    inside = site.ground.offer(name, place)
    orders = {"source": source, "ref": environment.ref, "commit": commit, "place": inside, "script": environment.script}
    # The repository may belong to anybody: git runs as the owner, where no hook or setting of it can do harm.
    settings = site.hand_in("gitconfig", "[safe]\n\tdirectory = *\n[advice]\n\tdetachedHead = false\n")
    joined = f" -o 'ProxyCommand={site.ground.joining} %h %p'" if site.ground.joining else ""
    local = (Path(source),) if source.startswith("/") else _ssh(site) if source.startswith("ssh:") else ()
    env = {
        "GIT_CONFIG_GLOBAL": settings,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:ssh:file",
        "GIT_SSH_COMMAND": f"ssh -o BatchMode=yes{joined}",
    } | passed_on("GIT_SSL_CAINFO")
    label = f"git checkout {environment.path}"
    said = site.run_own(
        *("checkout.py", orders), label=label, env=env, readable=local, capture=True, apart=name,
        network=not source.startswith("/"),
    )  # fmt: skip
    return said.splitlines()[-1]


def _ssh(site: Site) -> tuple[Path, ...]:
    """What ssh reads: the accounts, its settings, and the owner's keys."""
    home = _home(site.owner.uid)
    places = [*(Path(place) for place in _KEYS), *([home / ".ssh"] if home else [])]
    return tuple(place for place in places if place.exists())


def _home(uid: int) -> Path | None:
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        return None


def _read(lockfile: str) -> dict[str, str]:
    try:
        locked = tomllib.loads(lockfile)
        return {name: str(locked[name]) for name in ("source", "commit")}
    except (tomllib.TOMLDecodeError, KeyError):
        raise Refused("This is no lockfile of a script: build from the recipe instead.") from None


def _lockfile(values: dict[str, str]) -> str:
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


class _Watch:
    """Passes events on and counts the lines of output that look like errors."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._first: list[str] = []
        self.count = 0

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        self._sink(event)
        if event.kind == "output" and suspicious(event.text):
            self.count += 1
            self._first += [_COLOUR.sub("", event.text).strip()[:200]] if len(self._first) < _SHOWN else []

    def tell(self, script: str) -> None:
        """Say in the log how many lines there were."""
        if self.count:
            first = "; ".join(self._first)
            self._sink(Event("warning", f"{self.count} line(s) of {script} look like errors, first: {first}"))


def suspicious(line: str) -> bool:
    """Tell whether a line of output looks like an error."""
    return SUSPECT.search(_COLOUR.sub("", line)) is not None
