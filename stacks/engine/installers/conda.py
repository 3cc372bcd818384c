"""Environments from conda channels by py-rattler, then packages from a Python package index by uv."""

from __future__ import annotations

import importlib.util
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stacks.engine import documents
from stacks.engine.environments import Environment
from stacks.engine.errors import Failed, Refused
from stacks.engine.events import Event
from stacks.engine.installers import index
from stacks.engine.installers.base import Site
from stacks.engine.packages import normal

CHANNELS = ("conda-forge",)
_CONDA, _PIP = "[conda]", "[pip]"
_PYTHON = re.compile(r"(\S+::)?python(?![A-Za-z0-9._-])")
_COMPARABLE = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")
_PAUSE = 5.0  # seconds between two lines of progress in the log

Record = dict[str, Any]


class Conda:
    """Makes a conda environment; the lockfile lists its packages one a line, then pip's with hashes."""

    fields = ("python", "channels", "packages", "pip", "index", "find_links", "secrets")
    needed = ()
    compiled_last = False

    def check(self, environment: Environment) -> None:
        """Look for the recipe's own channels and package directories."""
        index.local(environment)

    def resolve(self, environment: Environment, site: Site) -> str:
        """Let rattler solve, then uv resolve for the Python and beside the packages of that solution."""
        orders = {"do": "solve", "channels": _channels(environment), "specs": _specs(environment)}
        found = _rattler(orders, f"solve {environment.path}", environment, site, capture=True)
        records = [documents.parse(line) for line in found.splitlines()]
        site.sink(Event("note", f"{len(records)} conda packages, {_megabytes(records):.1f} MB to fetch."))
        return _lockfile(records, self._resolve_pip(environment, records, site))

    def _resolve_pip(self, environment: Environment, records: list[Record], site: Site) -> str:
        if not environment.pip:
            return ""
        program, needed = site.ground.python
        python = ("--python", program, "--python-version", _python_version(records))
        pinned = "".join(f"{record['name']}=={record['version']}\n" for record in records if _is_python(record))
        return index.lock(environment, environment.pip, python, site, constraints=pinned, readable=needed)

    def install(self, environment: Environment, lockfile: str, site: Site) -> int:
        """Link the conda packages, install pip's beside them, and compile all of it."""
        records, locked = read(lockfile)
        progress = _Progress(site, len(records))
        baked, place = str(site.prefix(environment)), str(site.place(environment))
        orders = {"do": "install", "prefix": place, "baked": baked, "records": records}
        _rattler(orders, f"install {environment.path}", environment, site, hear=progress)
        site.sink(Event("note", f"{len(records)} conda packages linked."))
        if locked.strip():
            index.install(environment, locked, site, "--break-system-packages")
        _compile(environment, records, site)
        return progress.failed

    def packages(self, lockfile: str) -> dict[str, str]:
        """Read what conda brings, and what pip puts beside it or in its place."""
        records, locked = read(lockfile)
        return {normal(str(record["name"])): str(record["version"]) for record in records} | index.pins(locked)


def read(lockfile: str) -> tuple[list[Record], str]:
    """Take a lockfile apart: conda's packages, and pip's lines."""
    conda, _, locked = lockfile.partition(f"{_PIP}\n")
    head, *lines = conda.splitlines() or [""]
    if head != _CONDA:
        raise Refused("This is no lockfile of a conda environment: build from the recipe instead.")
    return [_record(line) for line in lines if line.strip()], locked


def _record(line: str) -> Record:
    try:
        record = documents.parse(line)
        if all(isinstance(record[word], str) for word in ("name", "version", "url", "fn", "channel")):
            return dict(record)
    except (ValueError, KeyError, TypeError):
        pass
    raise Refused(f"The lockfile has a line that describes no conda package: {line[:80]}")


def _lockfile(records: list[Record], locked: str) -> str:
    conda = "".join(f"{json.dumps(record, sort_keys=True)}\n" for record in records)
    return f"{_CONDA}\n{conda}" + (f"{_PIP}\n{locked}" if locked else "")


def _channels(environment: Environment) -> list[str]:
    channels = environment.channels or CHANNELS
    return [Path(channel).as_uri() if channel.startswith("/") else channel for channel in channels]


def _specs(environment: Environment) -> list[str]:
    named = any(_PYTHON.match(package) for package in environment.packages)
    return [*([] if named else [f"python {environment.python}.*"]), *environment.packages]


def _python_version(records: Sequence[Record]) -> str:
    return next(str(record["version"]) for record in records if record["name"] == "python")


def _is_python(record: Record) -> bool:
    needs = {str(need).split()[0] for need in record.get("depends", [])}
    # Only what has to do with Python can be meant by a name of the Python package index.
    return bool(needs & {"python", "python_abi"}) and _COMPARABLE.fullmatch(str(record["version"])) is not None


def _megabytes(records: Sequence[Record]) -> float:
    return sum(int(record.get("size") or 0) for record in records) / 1e6


def _rattler(
    orders: Record,
    does: str,
    environment: Environment,
    site: Site,
    *,
    capture: bool = False,
    hear: _Progress | None = None,
) -> str:
    found = importlib.util.find_spec("rattler")
    if found is None or not found.submodule_search_locations:
        raise Failed("py-rattler is not installed: run “make setup”.")
    site.ground.offer("lib/rattler", Path(found.submodule_search_locations[0]))
    orders = orders | {"cache": str(site.ground.cache / "rattler")}
    shown, label = index.local(environment), f"rattler {does}"
    return site.run_own("conda.py", orders, label=label, readable=shown, capture=capture, hear=hear, network=True)


def _compile(environment: Environment, records: Sequence[Record], site: Site) -> None:
    place = site.place(environment)
    library = place / "lib" / f"python{'.'.join(_python_version(records).split('.')[:2])}"
    # Without -B the compiler's own modules would be compiled as they are imported, and name the place that they lie in.
    argv = [str(place / "bin" / "python"), "-I", "-B", site.own_script("bytecode.py"), str(library)]
    argv += [str(place), str(site.prefix(environment))]
    site.run(argv, label=f"compile {environment.path}")


class _Progress:
    """Hears the lines of an installation: progress goes to the bar and now and then to the log."""

    def __init__(self, site: Site, packages: int) -> None:
        self._site = site
        self._packages = packages
        self._told = time.monotonic()
        self.failed = 0

    def __call__(self, line: str) -> None:
        """Take one line; what is no progress goes to the log as it is."""
        try:
            said = documents.parse(line)
            failed, left_out = said.get("failed"), said.get("left_out")
        except (ValueError, AttributeError):
            self._site.sink(Event("output", line))
            return
        if failed:
            self.failed += 1
            self._site.sink(Event("warning", f"The link script of {failed} failed: the package may not work."))
        elif left_out:
            self.failed += 1
            self._site.sink(
                Event(
                    "warning",
                    f"The link script of {left_out} was not run: it must see the tree at the live path. If the package "
                    "needs it, build with the strategy sandbox or repoint.",
                )
            )
        else:
            self._show(int(said["done"]), int(said["total"]), str(said["unit"]))

    def _show(self, done: int, total: int, unit: str) -> None:
        self._site.advance(done, total, unit)
        if time.monotonic() - self._told >= _PAUSE:
            self._told = time.monotonic()
            much = (
                f"{done / 1e6:.1f} of {total / 1e6:.1f} MB fetched" if unit == "bytes" else f"{done} of {total} linked"
            )
            self._site.sink(Event("note", f"{much} ({self._packages} packages)."))
