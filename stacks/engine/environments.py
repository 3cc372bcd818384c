"""What a recipe asks for in one environment of a stack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kernelspec:
    """A kernelspec that the environment offers: `name` is its directory, `language` as in jupyter_client.

    While a `required` one does not start, the version is not deployed.
    """

    name: str
    display_name: str
    language: str = "python"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a stack; `path` is relative to the live path. Which of the rest counts, its installer says.

    `packages` are conda's for the installer conda, and `pip` those that come after them from a Python package index;
    `index`, `find_links` and `channels` are URLs or paths, `source` a git URL or path. `arguments` and
    `kernel_arguments` (those for a build with a kernelspec directory) may hold {root}, {live} and {kernel_dir};
    `variables` are the script's own. `owner` is numeric, uid:gid. `secrets` are names of the machine's secrets, which
    guests that reach the network find in their ~/.netrc.
    """

    path: str
    installer: str
    python: str = "3"
    packages: tuple[str, ...] = ()
    index: str = ""
    find_links: tuple[str, ...] = ()
    jupyter: bool = False
    kernelspecs: tuple[Kernelspec, ...] = ()
    channels: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    source: str = ""
    ref: str = "HEAD"
    script: str = ""
    arguments: tuple[str, ...] = ()
    kernel_arguments: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    owner: str = ""
    secrets: tuple[str, ...] = ()

    @property
    def asked_for(self) -> str:
        """What is asked for, in a few words."""
        if self.script:
            return f"{self.script} of {self.source}"
        if self.owner:
            return f"owned by {self.owner}"
        return f"{len(self.packages) + len(self.pip)} packages asked for"
