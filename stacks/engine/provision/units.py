"""System files by which the machine runs DLStack: units, the workers' environment, the right to pause services."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

from stacks.engine import durable
from stacks.engine.errors import Refused
from stacks.engine.events import Sink
from stacks.engine.owner import Owner
from stacks.engine.process import Command, base_environment, run
from stacks.engine.provision import templates
from stacks.engine.provision.action import Action, Directory, group, install, user, write
from stacks.engine.provision.host import Host
from stacks.engine.provision.wanted import Wanted
from stacks.engine.stop import Stop

# To keep what others own theirs (chown, fowner), and to read and replace it (dac_override); nothing else.
CAPABILITIES = "CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE"
AT_BOOT = ("dlstack-serve.service", "dlstack-restore.service")
WORKERS = {"dlstack-build.service": "build", "dlstack-live.service": "live"}
_WALLS = {"build": {"memory": "80%", "tasks": "8192"}, "live": {"memory": "infinity", "tasks": "infinity"}}
_NOTEBOOKS = ("jupyterhub.service",)
_ROOT = Owner(0, 0)


def actions(wanted: Wanted, host: Host, systemctl: tuple[str, ...]) -> list[Action]:
    """List what makes systemd run DLStack for this root; raise Refused when a file is another's."""
    return [_environment(wanted, host), *files(wanted, host, systemctl)]


def files(wanted: Wanted, host: Host, systemctl: tuple[str, ...]) -> list[Action]:
    """List the files that systemd and polkit read, and the restore at boot; without `systemctl` the files alone.

    Raises Refused when one is another's.
    """
    texts = {host.units / name: text for name, text in render(wanted, host).items()}
    if wanted.units:
        texts[host.polkit] = _rule(wanted)
    for place in texts:
        _check_ours(place, wanted)
    written = _files(texts, host, systemctl)
    return [written, _enabling(host, systemctl)] if systemctl else [written]


def render(wanted: Wanted, host: Host) -> dict[str, str]:
    """Fill in the units of the machine, by name."""
    notebooks = " ".join(wanted.units or _NOTEBOOKS)
    values = {
        "root": wanted.layout.root,
        "mount_unit": templates.unit_name(wanted.layout.ramdisk, "mount"),
        "user": user(wanted.owner),
        "group": group(wanted.owner),
        "capabilities": CAPABILITIES,
        "python": host.python,
        "code": host.code,
        "machine": wanted.machine,
        "environment": host.environment,
        "notebooks": notebooks,
        # Under layout resident they run from disk meanwhile; under layout in-place they would be paused at once.
        "waiting": notebooks if wanted.in_place else "",
    }
    units = {name: templates.render(name, **values) for name in AT_BOOT}
    workers = {
        name: templates.render("dlstack-worker.service", **values, **_WALLS[lane], lane=lane)
        for name, lane in WORKERS.items()
    }
    return units | workers


def _rule(wanted: Wanted) -> str:
    try:
        name = pwd.getpwuid(wanted.owner.uid).pw_name
    except KeyError:
        raise Refused(
            f"User {wanted.owner.uid} has no account here, so polkit cannot let it pause {', '.join(wanted.units)}: "
            "create it, or name another owner."
        ) from None
    return templates.render("polkit.rules", root=wanted.layout.root, user=name, units=json.dumps(wanted.units))


def _check_ours(place: Path, wanted: Wanted) -> None:
    if not os.path.lexists(place):
        return
    if (
        place.is_symlink()
        or f" for the root {wanted.layout.root}." not in place.read_text(errors="replace").partition("\n")[0]
    ):
        raise Refused(f"{place} is there already and was not made for {wanted.layout.root}: move it away.")


def _files(texts: dict[Path, str], host: Host, systemctl: tuple[str, ...]) -> Action:
    stale = {place: text for place, text in texts.items() if not place.exists() or place.read_text() != text}

    def work(sink: Sink, stop: Stop) -> None:
        for place, text in stale.items():
            Directory(place.parent, 0o755, _ROOT).make()
            durable.write_alone(place, text.encode())
        if systemctl:
            run(Command((*systemctl, "daemon-reload"), env=base_environment(), limit=120), sink, stop)

    missing = {place.parent: Directory(place.parent, 0o755, _ROOT) for place in stale if not place.parent.is_dir()}
    commands = (*install([*missing.values()]), *(write(*item) for item in stale.items()), "systemctl daemon-reload")
    why = "A restore after each boot, a worker for each lane without sudo, the right to pause the services named."
    return Action("units", "Write the units", why, commands, bool(stale), host.is_root, work)


def _environment(wanted: Wanted, host: Host) -> Action:
    place = host.environment
    text = templates.render("environment", machine=wanted.machine, root=wanted.layout.root)

    def work(*_: object) -> None:
        Directory(place.parent, 0o755, _ROOT).make()
        if not os.path.lexists(place):
            durable.write_alone(place, text.encode(), 0o600)

    return Action(
        "environment", "Make the workers' environment file", f"{place}, root's alone since it will hold passwords.",
        (*install([Directory(place.parent, 0o755, _ROOT)]), write(place, text), f"chmod 600 {place}"),
        not os.path.lexists(place), host.is_root, work,
    )  # fmt: skip


def _enabling(host: Host, systemctl: tuple[str, ...]) -> Action:
    def work(sink: Sink, stop: Stop) -> None:
        run(Command((*systemctl, "enable", *AT_BOOT), env=base_environment(), limit=120), sink, stop)

    wants = host.units / "multi-user.target.wants"
    return Action(
        "boot", "Enable the restore after a boot", "Serves from disk first, then fills the ramdisk.",
        (f"systemctl enable {' '.join(AT_BOOT)}",),
        not all(os.path.lexists(wants / name) for name in AT_BOOT), host.is_root, work,
    )  # fmt: skip
