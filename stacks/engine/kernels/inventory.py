"""Which kernels the users of a tree find, where each comes from, and what is wrong with it without starting it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from stacks.engine import packages
from stacks.engine.kernels import described, interpreters, library
from stacks.engine.kernels.described import Described
from stacks.engine.kernels.findings import Finding, error, first_error, info, warning
from stacks.engine.kernels.place import Place, directories

SYSTEM = (Path("/usr/local/share/jupyter/kernels"), Path("/usr/share/jupyter/kernels"))
KERNELS = Path("share/jupyter/kernels")
NOTEWORTHY = (
    *("python", "ipykernel", "ipython", "numpy", "scipy", "pandas", "matplotlib", "astropy", "astro-datalab"),
    *("dragons", "antares-client", "r-base", "r-irkernel", "bash-kernel", "xonsh", "julia"),
)
_JUPYTER = ("jupyterhub-singleuser", "jupyter-lab", "jupyter-server", "jupyter-notebook", "jupyter")
Source = Literal["library", "environment", "external", "system"]
State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Sight:
    """What is looked at: a tree in its place, under a root, with what is known of it.

    `jupyter` names the environment that runs Jupyter, `externals` the external ones; `packages` maps environments to
    {package: version}, `system` are the machine's own kernelspec directories, `library` the kernelspec library.
    """

    place: Place
    root: Path
    jupyter: str
    library: Path
    externals: Collection[str] = ()
    packages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    system: Sequence[Path] = SYSTEM


@dataclass(frozen=True)
class Kernel:
    """One kernelspec: what it says, what it starts, where it comes from, and whether users find it.

    `directory` is where it lies at the live path; `wins` says whether it is what users get by its name, and
    `shadowed_by` what they get instead; `library` compares it with the library's: same, differs or absent.
    """

    name: str
    environment: str
    directory: str
    display_name: str
    language: str
    argv: list[str]
    env: dict[str, str]
    interpreter: str
    interpreter_version: str
    interpreter_environment: str
    uid: int
    source: Source
    library: library.Likeness
    pinned: bool
    wins: bool
    shadowed_by: str
    logos: list[str]
    packages: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def state(self) -> State:
        """Tell the worst that was found."""
        severities = {finding.severity for finding in self.findings}
        return "failed" if "error" in severities else "warning" if "warning" in severities else "ok"

    @property
    def code(self) -> str:
        """The code of the first error, "" where there is none."""
        wrong = first_error(self.findings)
        return wrong.code if wrong else ""

    def plain(self) -> dict[str, Any]:
        """Give it as JSON types, with its state and code."""
        findings = [finding.plain() for finding in self.findings]
        return asdict(self) | {"findings": findings, "state": self.state, "code": self.code}


def take(sight: Sight) -> list[Kernel]:
    """List every kernelspec of a tree and of the machine, those that users find first, in Jupyter's search order."""
    found = [_kernel(item, sight) for item in specs(sight)]
    return _judged(found, sight)


def specs(sight: Sight) -> list[Described]:
    """List what those kernelspecs say, without a look at what they start."""
    tree = sight.place.tree
    environments = [path.name for path in directories(tree) if not path.is_symlink() and path.is_dir()]
    ordered = sorted(environments, key=lambda name: (name != sight.jupyter, name))
    found = [
        described.describe(place, name, sight.place) for name in ordered for place in _listed(tree / name / KERNELS)
    ]
    return found + [described.describe(place, "", sight.place) for kept in sight.system for place in _listed(kept)]


def of_library(sight: Sight) -> list[Kernel]:
    """List the library's kernelspecs as they would be in the tree: what they start is looked for there."""
    listed = [path for path in _listed(sight.library) if not path.name.startswith(".")]
    found = [_kernel(described.describe(path, sight.jupyter, sight.place), sight) for path in listed]
    return [
        replace(kernel, source="library", findings=tuple(item for item in kernel.findings if item.code != "not-pinned"))
        for kernel in found
    ]


def jupyter_environment(tree: Path, preferred: str = "") -> str:
    """Name the environment that runs Jupyter: the preferred one, else the one with its programs, else the first."""
    environments = [path for path in directories(tree) if not path.is_symlink() and (path / "bin").is_dir()]
    names = [path.name for path in environments]
    if preferred in names:
        return preferred
    having = (path.name for program in _JUPYTER for path in environments if (path / "bin" / program).is_file())
    first = names[0] if names else preferred
    return next(having, next((path.name for path in environments if (path / KERNELS).is_dir()), first))


def _listed(kernels: Path) -> list[Path]:
    return [path for path in directories(kernels) if path.is_symlink() or path.is_dir()]


def _kernel(item: Described, sight: Sight) -> Kernel:
    program = item.argv[0].replace("{resource_dir}", str(sight.place.outside(item.directory))) if item.argv else ""
    starts = interpreters.find(program, sight.place, sight.jupyter)
    about = interpreters.findings(program, starts, sight.place, root=sight.root) if program else ()
    likeness = library.likeness(item.name, item.spec, sight.library, item.directory)
    return Kernel(
        name=item.name,
        environment=item.environment,
        directory=str(sight.place.outside(item.directory)),
        display_name=item.display_name,
        language=item.language,
        argv=item.argv,
        env=item.env,
        interpreter=starts.path,
        interpreter_version=starts.version,
        interpreter_environment=starts.environment,
        uid=item.uid,
        source=_source(item, likeness, sight),
        library=likeness,
        pinned=item.pinned,
        wins=False,
        shadowed_by="",
        logos=item.logos,
        packages=_noteworthy(starts.environment, sight),
        findings=(*item.findings, *about, *_about_library(likeness), *_about_pin(item, starts.environment, sight)),
    )


def _source(item: Described, likeness: library.Likeness, sight: Sight) -> Source:
    if not item.environment:
        return "system"
    if item.environment in sight.externals:
        return "external"
    return "library" if likeness == "same" else "environment"


def _noteworthy(environment: str, sight: Sight) -> dict[str, str]:
    if not environment:
        return {}
    known = sight.packages.get(environment)
    found = known if known is not None else packages.installed(sight.place.tree / environment)
    return {name: found[name] for name in NOTEWORTHY if name in found}


def _about_library(likeness: library.Likeness) -> list[Finding]:
    message = "The library has another kernelspec of this name: install it to bring this one up to date."
    return [info("differs-from-library", message)] if likeness == "differs" else []


def _about_pin(item: Described, environment: str, sight: Sight) -> list[Finding]:
    if item.pinned or not environment or item.environment in sight.externals:
        return []
    message = "It does not start pinned: after a switch a running kernel would import from the new version."
    return [info("not-pinned", message, "argv")]


def _judged(found: list[Kernel], sight: Sight) -> list[Kernel]:
    """Say of each kernel whether users get it by its name: the first in Jupyter's search order wins."""
    winners: dict[str, Kernel] = {}
    judged = []
    for kernel in found:
        searched = kernel.environment in ("", sight.jupyter)
        winner = winners.get(kernel.name.lower()) if searched else None
        if not searched:
            message = f"Jupyter runs from {sight.jupyter or 'elsewhere'} and does not look here: users do not find it."
            judged.append(replace(kernel, findings=(*kernel.findings, info("not-searched", message))))
        elif kernel.code in ("no-file", "symlink-out", "symlink"):
            judged.append(kernel)
        elif winner is not None:
            judged.append(_shadowed(kernel, winner))
        else:
            winners[kernel.name.lower()] = kernel
            judged.append(replace(kernel, wins=True))
    return _told_apart(judged)


def _shadowed(kernel: Kernel, winner: Kernel) -> Kernel:
    if Path(kernel.directory).parent == Path(winner.directory).parent:
        message = f"Its name differs from “{winner.name}” in capitals only: Jupyter shows one of the two."
        clash = error("name-clash", message)
    else:
        clash = warning("shadowed", f"Users get {winner.directory} by this name.")
    return replace(kernel, shadowed_by=winner.directory, findings=(*kernel.findings, clash))


def _told_apart(found: list[Kernel]) -> list[Kernel]:
    shown = [kernel.display_name for kernel in found if kernel.wins and kernel.display_name]
    return [
        replace(kernel, findings=(*kernel.findings, _twin(kernel)))
        if kernel.wins and shown.count(kernel.display_name) > 1
        else kernel
        for kernel in found
    ]


def _twin(kernel: Kernel) -> Finding:
    message = f"Another kernel is called “{kernel.display_name}” too: users cannot tell them apart."
    return warning("same-display-name", message, "display_name")
