"""What a machine that joins needs on disk: its workers' environment file, and the units that read it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from stacks.engine import durable, owner, services
from stacks.engine.errors import Refused
from stacks.engine.events import Sink
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.process import Command, base_environment, run
from stacks.engine.provision import templates, units, wanted
from stacks.engine.provision.action import Action, Directory, write
from stacks.engine.provision.host import Host
from stacks.engine.provision.wanted import Wanted
from stacks.engine.stop import Stop

SECRETS = ("DATABASE_URL", "REDIS_URL", "DLSTACK_SECRET_KEY")
# What the machine's admin wrote himself stays.
USUAL = "DLSTACK_ALLOWED_SOURCES"
# Nothing else is taken from what answers: root's shell and systemd will read the file.
NAMES = ("DLSTACK_MACHINE", "DLSTACK_ROOT", "DLSTACK_OWNER", *SECRETS, USUAL)
_ASSIGNED = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./=-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def read(told: Mapping[str, str], host: Host) -> Wanted:
    """Read what the machine is to be; raises Refused for what it cannot be, as where it is something else already."""
    layout = Layout(Path(told["root"]))
    asked = {"machine": told["machine"], "layout": told["layout"], "services": services.listed(layout)}
    return wanted.read(layout, owner.resolve(told["owner"]), asked, host)


def actions(asked: Wanted, host: Host, variables: Mapping[str, str], *, again: bool) -> list[Action]:
    """List what is written; raises Refused where a file is another's, and `again` does not allow that.

    The commands of the actions, which are shown, hold no secret.
    """
    found = [_environment(asked, host, variables, again=again)]
    # Where systemd does not run, but an own directory is named, somebody wants to see the files.
    if host.systemctl is not None:
        found += units.files(asked, host, host.systemctl)
    return found


def prepare(host: Host) -> None:
    """Make the directory of the environment file, and see that it can be written, before a token is used up."""
    place = host.environment.parent
    try:
        _directory(place).make()
    except OSError as error:
        raise Refused(f"{place} cannot be made ({error.strerror}): run this as root.") from None
    if not os.access(place, os.W_OK | os.X_OK):
        raise Refused(f"{place} cannot be written by this user: run this as root.")


def start(systemctl: tuple[str, ...], sink: Sink) -> None:
    """Have the workers started, now and at each boot; those that run are started again."""
    for words in (("enable", *units.WORKERS), ("restart", *units.WORKERS)):
        run(Command((*systemctl, *words), env=base_environment(), limit=120), sink, Stop())


def text(asked: Wanted, variables: Mapping[str, str], before: str) -> str:
    """Write the environment file anew; what an earlier one says beside what joining knows stays in it."""
    kept = {name: line for name, line in _assigned(before) if name not in NAMES or name == USUAL}
    ours = [f"{name}={_quoted(value)}" for name, value in variables.items() if name not in kept]
    head = templates.render("environment.joined", machine=asked.machine)
    return "\n".join([head.rstrip(), *ours, *(["# Kept as it was:", *kept.values()] if kept else []), ""])


def check(answer: object) -> dict[str, str]:
    """Take the known variables from an answer; raises Refused for values that no environment file can hold."""
    told = answer if isinstance(answer, Mapping) else {}
    found = {name: value for name in NAMES if isinstance(value := told.get(name), str)}
    if missing := [name for name in SECRETS if not found.get(name)]:
        raise Refused(f"The answer lacks {', '.join(missing)}: are the pages of the same version as this program?")
    if broken := [name for name, value in found.items() if _UNPRINTABLE.search(value)]:
        raise Refused(f"The answer holds control characters in {', '.join(broken)}: nothing was written.")
    return found


def _environment(asked: Wanted, host: Host, variables: Mapping[str, str], *, again: bool) -> Action:
    place, before = host.environment, _before(host.environment, asked, again=again)
    shown = {name: "…" if name in SECRETS else value for name, value in variables.items()}

    def work(*_: object) -> None:
        _directory(place.parent).make()
        durable.write_alone(place, text(asked, variables, before).encode(errors="surrogateescape"), 0o600)

    masked = write(place, text(asked, shown, _masked(before)))
    return Action(
        "environment", "Write the workers' environment file", f"{place}, root's alone since it holds passwords.",
        (f"install -d -m 755 {shlex.quote(str(place.parent))}", masked, f"chmod 600 {shlex.quote(str(place))}"),
        True, host.is_root, work,
    )  # fmt: skip


def _before(place: Path, asked: Wanted, *, again: bool) -> str:
    """Read the file that is there; raises Refused for a symlink, and for another machine's file unless `again`."""
    if place.is_symlink() or (os.path.lexists(place) and not place.is_file()):
        raise Refused(f"{place} is not a plain file: move it away.")
    try:
        there = place.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Refused(f"{place} cannot be read ({error.strerror}): run this as root.") from None
    lines = dict(_assigned(there))
    name = _value(lines.get("DLSTACK_MACHINE", ""))
    if lines and name != asked.machine and not again:
        whose = f"is that of the machine “{name}”" if name else "is there already, and names no machine"
        raise Refused(f"{place} {whose}: with --again it becomes that of “{asked.machine}”; the token was not used.")
    return there


def _assigned(text: str) -> list[tuple[str, str]]:
    """Give the assignments of an environment file by name, each as it is written, the last one of a name alone."""
    lines = text.replace("\\\n", "\\\0").split("\n")
    found = ((line, _ASSIGNED.match(line)) for line in lines if not line.lstrip().startswith(("#", ";")))
    return [*{match[1]: line.replace("\\\0", "\\\n") for line, match in found if match}.items()]


def _value(line: str) -> str:
    match = _ASSIGNED.match(line)
    return match[2].strip().strip("\"'") if match else ""


def _masked(before: str) -> str:
    """Hide the values that a file keeps, which may be secrets too."""
    return "\n".join(f"{name}=…" for name, _ in _assigned(before))


def _quoted(value: str) -> str:
    """Spell a value so that systemd and a shell read the same."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = re.sub(r'(["\\$`])', r"\\\1", value)
    return f'"{escaped}"'


def _directory(place: Path) -> Directory:
    return Directory(place, 0o755, Owner(os.geteuid(), os.getegid()))
