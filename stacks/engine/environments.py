"""What a recipe asks for in one environment of a stack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kernelspec:
    """A kernelspec that the environment offers: `name` is its directory, `language` as in jupyter_client."""

    name: str
    display_name: str
    language: str = "python"


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a stack; `path` is relative to the live path, `index` and `find_links` are URLs or paths."""

    path: str
    installer: str
    python: str = "3"
    packages: tuple[str, ...] = ()
    index: str = ""
    find_links: tuple[str, ...] = ()
    jupyter: bool = False
    kernelspecs: tuple[Kernelspec, ...] = ()
