"""Running guests at the live path in a mount namespace of their own; everyone else keeps the old tree (design §7).

The sandbox holds the system's programs, a private /tmp and one directory in the place of the root; nothing else of the
machine is there: no other version, no database, no broker, no home directory.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from stacks.engine import guest
from stacks.engine.errors import Failed, Refused
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.process import Command, base_environment, run
from stacks.engine.stop import Stop

# What programs need of /etc to resolve names, check certificates and find libraries; the rest stays outside.
_ETC = (
    *("alternatives", "ca-certificates", "fonts", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("localtime", "nsswitch.conf", "pki", "resolv.conf", "ssl", "uv"),
)
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64")
TOOLS = Path("/run/dlstack")
_ENDS = Path(guest.__file__).with_name("ends.py")
_TRIAL = 10.0  # seconds


@dataclass(frozen=True)
class Sandbox:
    """What a guest sees: `shown` in the place of the root, writable or not, and further read-only paths.

    `netrc` is a file that it finds as ~/.netrc. Without `network` it has its own loopback alone.
    """

    layout: Layout
    owner: Owner
    shown: tuple[tuple[Path, Path], ...]
    writable: bool = True
    readable: tuple[Path, ...] = ()
    tools: Mapping[str, Path] = field(default_factory=dict)
    lock_fds: tuple[int, ...] = ()
    network: bool = False
    exchange: tuple[Path, ...] = ()
    netrc: Path | None = None

    def command(
        self,
        argv: Sequence[str],
        *,
        label: str = "",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        limit: float | None = None,
        tasks: int = 0,
    ) -> Command:
        """Make the command that runs `argv` inside, as the owner, in `cwd` (default: the root).

        `limit` is in seconds; `tasks` is how many the owner may have then, 0 for no bound.
        """
        return Command(
            [*shed(), *ended(tasks), *self._bubblewrap(cwd or self.layout.root), "--", *drop(self.owner), *argv],
            label=label,
            env=base_environment() | dict(env or {}),
            pass_fds=self.lock_fds,
            limit=limit,
        )

    def with_exchange(self, place: Path) -> Sandbox:
        """Give the same sandbox with one more directory, at its own path, that both sides may write."""
        return replace(self, exchange=(*self.exchange, place))

    def _bubblewrap(self, cwd: Path) -> list[str]:
        return [
            *("bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"),
            *("--unshare-cgroup-try", *(["--unshare-net"] if self._is_apart else [])),
            *self._locks(),
            # bubblewrap's own /dev/shm is root's alone, and multiprocessing needs one. All of this comes before what is
            # shown, which may itself lie in /dev/shm.
            *("--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"),  # noqa: S108 — the guest's own
            *("--perms", "1777", "--tmpfs", "/tmp", "--perms", "0755", "--dir", "/run"),  # noqa: S108
            *system(),
            *(("--ro-bind", str(self.netrc), "/tmp/.netrc") if self.netrc else ()),  # noqa: S108
            *self._shown(),
            *("--chdir", str(cwd)),
            # As root bubblewrap drops every capability; these three let setpriv become the owner, and are gone then.
            *(["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"] if _is_root() else []),
        ]

    @property
    def _is_apart(self) -> bool:
        return not self.network and parts_network()

    def _locks(self) -> list[str]:
        # The sandbox's init holds the lane's lock; guests must not: whoever has its descriptor can unlock it for all.
        if len(self.lock_fds) > 1:
            raise AssertionError("bubblewrap keeps one descriptor from its guests")
        return [word for descriptor in self.lock_fds for word in ("--sync-fd", str(descriptor))]

    def _shown(self) -> list[str]:
        arguments: list[str] = []
        hidden = [path for path in self.readable if path.is_relative_to(self.layout.root)]
        for source in self.readable:
            arguments += [*_parents(source), "--ro-bind", str(source), str(source)] if source not in hidden else []
        for name, program in self.tools.items():
            arguments += [*_parents(TOOLS / name), "--ro-bind", str(program), str(TOOLS / name)]
        for source, place in self.shown:
            arguments += [*_parents(place), "--bind" if self.writable else "--ro-bind", str(source), str(place)]
        for place in self.exchange:
            arguments += [*_parents(place), "--bind", str(place), str(place)]
        for source in hidden:  # what is shown in the place of the root would cover them
            self._check_way(source)
            arguments += [*_parents(source), "--ro-bind", str(source), str(source)]
        return arguments

    def _check_way(self, source: Path) -> None:
        # bubblewrap makes missing mount points, as root: a guest's symlink would let it do so anywhere.
        for shown, place in self.shown:
            if source.is_relative_to(place):
                way = source.relative_to(place)
                if any((shown / part).is_symlink() for part in (way, *way.parents[:-1])):
                    raise Refused(f"{shown / way} is a symlink that a build left behind: remove it.")


def for_build(
    layout: Layout,
    owner: Owner,
    *,
    readable: tuple[Path, ...] = (),
    lock_fds: tuple[int, ...] = (),
    tools: Mapping[str, Path] | None = None,
) -> Sandbox:
    """Show the build area in the place of the root, writable."""
    return Sandbox(
        layout,
        owner,
        ((layout.build_area, layout.root),),
        True,
        (*readable, *interpreters(owner)),
        tools or {},
        lock_fds,
    )


def for_launch(layout: Layout, owner: Owner, tree: Path, *, lock_fds: tuple[int, ...] = ()) -> Sandbox:
    """Show one tree, read-only, at the live path."""
    return Sandbox(layout, owner, ((tree, layout.live),), False, interpreters(owner), {}, lock_fds)


def check() -> None:
    """Raise Refused, with what to do, when sandboxes cannot be made on this machine."""
    for program, package in (("bwrap", "bubblewrap"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            raise Refused(f"{program} is missing: install it with “apt install {package}”.")
    try:
        _try(shutil.which("bwrap") or "")
    except Failed as error:
        raise Refused(
            f"This machine does not let bubblewrap make namespaces ({error}): allow unprivileged user namespaces for "
            "it, or run the worker as root."
        ) from None


def parts_network() -> bool:
    """Tell whether this machine lets a sandbox have a network of its own; root in a container often may not."""
    try:
        _try(shutil.which("bwrap") or "", "--unshare-net")
    except Failed:
        return False
    return True


@cache
def _try(program: str, *more: str) -> None:
    """Make the namespaces of a build with `program` once; raises Failed when it cannot, and then tries again later."""
    unshared = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", *more, "--proc", "/proc", "--dev", "/dev")
    argv = [*shed(), program, "--die-with-parent", "--ro-bind", "/", "/", *unshared, "--", "true"]
    run(Command(argv, "bwrap", base_environment(), limit=_TRIAL), lambda _: None, Stop())


def interpreters(owner: Owner) -> tuple[Path, ...]:
    """Name the directories outside /usr that hold this Python, if the owner can reach them."""
    prefix = Path(sys.base_prefix).resolve()
    if prefix.is_relative_to("/usr") or not (owner.is_self or _reachable(prefix)):
        return ()
    return (prefix,)


def _reachable(path: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))


def _is_root() -> bool:
    return os.geteuid() == 0


def shed() -> list[str]:
    """Spell the command that gives up a worker's ambient capabilities, [] for root, who drops to the owner instead."""
    # They are for the engine alone, and bubblewrap refuses to start with any.
    return [] if _is_root() else ["setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--"]


def ended(tasks: int = 0) -> list[str]:
    """Spell the command that ends all that a program started with this process, while a sandbox is being made too."""
    return [own_python(), "-I", "-S", str(_ENDS), str(os.getpid()), str(tasks)]


def own_python() -> str:
    """Name the interpreter below the virtual environment that this process runs in."""
    return str(Path(sys.base_prefix).resolve() / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")


def drop(owner: Owner) -> list[str]:
    """Spell the command that becomes the owner for good, [] for who cannot become anybody."""
    if not _is_root():
        return []
    identity = ["--reuid", str(owner.uid), "--regid", str(owner.gid), "--clear-groups"]
    nothing = ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return ["setpriv", *identity, *nothing, "--"]


def system() -> list[str]:
    """Spell the arguments that show the system's programs and libraries, and of /etc what they need."""
    arguments = ["--ro-bind", "/usr", "/usr", "--perms", "0755", "--dir", "/etc"]
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for path in (Path("/etc", name) for name in _ETC):
        arguments += ["--ro-bind-try", str(path), str(path)]
    return arguments


def _parents(path: Path) -> list[str]:
    # bubblewrap makes missing parents for root alone (mode 0700); the owner must get through them.
    arguments: list[str] = []
    for parent in reversed(path.parents[:-1]):
        arguments += ["--perms", "0755", "--dir", str(parent)]
    return arguments
