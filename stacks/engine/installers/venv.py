"""Environments from the Python package index: a virtual environment made and filled by uv."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import uv

from stacks.engine.environments import Environment
from stacks.engine.errors import Refused
from stacks.engine.installers.base import Site
from stacks.engine.sandbox import TOOLS

UV = str(TOOLS / "uv")


class Venv:
    """Makes a virtual environment; the lockfile is a requirements file with hashes."""

    def resolve(self, environment: Environment, site: Site) -> str:
        """Let uv resolve the packages for the recipe's Python, hashes included."""
        wanted = site.hand_in(f"{environment.path}.in", "".join(f"{package}\n" for package in environment.packages))
        argv = [*_uv(site), "pip", "compile", "--generate-hashes", "--no-header", "--python", environment.python]
        return self._run(environment, site, [*argv, *_sources(environment), wanted], capture=True, does="resolve")

    def install(self, environment: Environment, lockfile: str, site: Site) -> None:
        """Make the environment and install what the lockfile says, hashes checked, bytecode compiled."""
        prefix = str(site.prefix(environment))
        self._run(environment, site, [*_uv(site), "venv", "--python", environment.python, prefix], does="make")
        locked = site.hand_in(f"{environment.path}.lock", lockfile)
        argv = [*_uv(site), "pip", "install", "--python", f"{prefix}/bin/python", "--require-hashes"]
        argv += ["--compile-bytecode", *_sources(environment), "--requirements", locked]
        self._run(environment, site, argv, does="install")

    def _run(self, environment: Environment, site: Site, argv: list[str], *, does: str, capture: bool = False) -> str:
        label = f"uv {does} {environment.path}"
        return site.run(
            argv, label=label, env=_settings(site, colour=not capture), readable=local(environment), capture=capture
        )


def _uv(site: Site) -> list[str]:
    site.tools["uv"] = Path(uv.find_uv_bin())
    return [UV]


def _settings(site: Site, *, colour: bool) -> dict[str, str]:
    return {
        "UV_CACHE_DIR": str(site.layout.root / "cache" / "uv"),
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
    places = [_local_path(place) for place in (environment.index, *environment.find_links)]
    found = tuple(place for place in places if place is not None)
    for place in found:
        if not place.is_dir():
            raise Refused(f"{environment.path}: the package directory {place} does not exist on this machine.")
    return found


def _local_path(place: str) -> Path | None:
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(place) if place.startswith("/") else None
