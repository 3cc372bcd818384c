"""Packages from a Python package index, by uv: resolving with hashes, and installing what was locked."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import uv

from stacks.engine.environments import Environment
from stacks.engine.errors import CommandFailed, Failed, Refused
from stacks.engine.installers.base import Site
from stacks.engine.packages import normal

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?(==(?P<version>[^\s;]+)| @ (?P<url>\S+))")
_REVISION = re.compile(r"@([0-9a-f]{40})\b")
# A commit names its content as a hash does, but uv takes none for it.
_COMMIT = re.compile(r"\S+ @ git\+\S+@[0-9a-f]{40}\b.*")

_MARK = "import importlib.util, sys; print(sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex())"


def lock(
    environment: Environment,
    packages: Sequence[str],
    python: Sequence[str],
    site: Site,
    *,
    constraints: str = "",
    readable: tuple[Path, ...] = (),
) -> str:
    """Let uv resolve packages, hashes included; `python` are uv's options that say for which interpreter."""
    wanted = site.hand_in(f"{environment.path}.in", "".join(f"{package}\n" for package in packages))
    argv = [*_uv(site), "pip", "compile", "--generate-hashes", "--no-header", *python, *_sources(environment)]
    if constraints:
        argv += ["--constraints", site.hand_in(f"{environment.path}.constraints", constraints)]
    return run(environment, site, [*argv, wanted], capture=True, does="resolve", readable=readable, network=True)


def interpreter(environment: Environment, site: Site) -> str:
    """Find this machine's interpreter of the recipe's version; raise Failed when there is none that users can reach."""
    record = site.inputs / f"python-{environment.path}"
    if record.exists():
        return record.read_text()
    # Not from the cache, to which guests of other builds can write.
    argv = [*_uv(site), "python", "find", "--no-cache", "--no-project", "--system", environment.python]
    try:
        found = run(environment, site, argv, capture=True, does="find Python for").strip()
    except CommandFailed:
        found = ""
    if not found or (site.ground.ends_guests and not Path(found).is_relative_to("/usr")):
        wanted = environment.python
        raise Failed(f"No Python {wanted} in /usr: install it for all users, or ask for another in the recipe.")
    record.write_text(found)
    return found


def make(environment: Environment, site: Site) -> None:
    """Make an empty virtual environment."""
    argv = [*_uv(site), "venv", "--python", interpreter(environment, site), str(site.prefix(environment))]
    run(environment, site, argv, does="make")


def install(environment: Environment, locked: str, site: Site, *options: str) -> None:
    """Install what was locked into an environment that has a Python, hashes checked; `options` are uv's."""
    commits, hashed = _split(locked)
    argv = [*_uv(site), "pip", "install", "--python", f"{site.prefix(environment)}/bin/python"]
    argv += ["--no-deps", *options, *_sources(environment)]  # the lockfile names everything
    if hashed.strip():
        place = site.hand_in(f"{environment.path}.lock", hashed)
        run(environment, site, [*argv, "--require-hashes", "--requirements", place], does="install", network=True)
    if commits:
        place = site.hand_in(f"{environment.path}.commits", commits)
        run(environment, site, [*argv, "--requirements", place], does="install from git", network=True)


def compiler_mark(environment: Environment, site: Site) -> str:
    """Spell which interpreters can use what the machine's compiles: the tag in its files' names, and their magic."""
    argv = [interpreter(environment, site), "-I", "-S", "-c", _MARK]
    return run(environment, site, argv, capture=True, does="look at Python for").strip()


def compile_modules(environment: Environment, paths: Sequence[str] | None, site: Site) -> None:
    """Have the machine's interpreter compile modules, by their paths below the environment's `lib`; None for all."""
    if paths == []:
        return
    place, prefix = site.place(environment), site.prefix(environment)
    listed = [] if paths is None else [site.hand_in(f"{environment.path}.modules", json.dumps(paths))]
    argv = [interpreter(environment, site), "-I", "-S", "-B", site.own_script("bytecode.py")]
    site.run([*argv, f"{place}/lib", str(place), str(prefix), *listed], label=f"compile {environment.path}")


def _split(locked: str) -> tuple[str, str]:
    lines = locked.splitlines(keepends=True)
    commits = [line for line in lines if _COMMIT.match(line)]
    return "".join(commits), "".join(line for line in lines if line not in commits)


def pins(locked: str) -> dict[str, str]:
    """Read {package: version} from a requirements file with hashes; one from git has its commit for a version.

    Raises Refused for a line that pins nothing: uv would take options from it.
    """
    lines = [line.strip() for line in locked.splitlines()]
    found = {}
    for line in (line for line in lines if line and not line.startswith(("#", "--hash="))):
        pin = _PIN.match(line)
        if pin is None:
            raise Refused(f"This is no lockfile of a Python environment; it has the line: {line[:80]}")
        revision = _REVISION.search(pin["url"] or "")
        found[normal(pin["name"])] = pin["version"] or (revision[1] if revision else pin["url"])
    return found


def run(
    environment: Environment,
    site: Site,
    argv: list[str],
    *,
    does: str,
    capture: bool = False,
    readable: tuple[Path, ...] = (),
    network: bool = False,
) -> str:
    """Run uv inside, with its cache in the build area."""
    label = f"uv {does} {environment.path}"
    settings = _settings(site, colour=not capture)
    shown = (*local(environment), *readable)
    return site.run(argv, label=label, env=settings, readable=shown, capture=capture, network=network)


def _uv(site: Site) -> list[str]:
    return [site.ground.offer("uv", Path(uv.find_uv_bin()))]


def _settings(site: Site, *, colour: bool) -> dict[str, str]:
    return {
        "UV_CACHE_DIR": str(site.ground.cache / "uv"),
        "UV_LINK_MODE": "hardlink",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_SYSTEM_CERTS": "1",  # labs sign for their own mirrors
        **({"FORCE_COLOR": "1"} if colour else {"NO_COLOR": "1"}),
    }


def _sources(environment: Environment) -> list[str]:
    index = [f"--default-index={environment.index}"] if environment.index else []
    return [*index, *(f"--find-links={place}" for place in environment.find_links)]


def local(environment: Environment) -> tuple[Path, ...]:
    """Name the directories of this machine that the recipe takes packages from; raise Refused for one not there."""
    places = (environment.index, *environment.find_links, *environment.channels)
    found = tuple(path for path in map(local_path, places) if path is not None)
    for path in found:
        if not path.is_dir():
            raise Refused(f"{environment.path}: the package directory {path} does not exist on this machine.")
    return found


def local_path(place: str) -> Path | None:
    """Give the path that a URL or path names on this machine, None for everything else."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(place) if place.startswith("/") else None
