"""The ramdisk's tmpfs: its options, mounting it now, and having it mounted at each boot."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stacks.engine import durable, mounts
from stacks.engine.errors import Refused
from stacks.engine.events import Sink
from stacks.engine.process import Command, base_environment, run
from stacks.engine.provision import fstab, templates
from stacks.engine.provision.action import Action, Directory, write
from stacks.engine.provision.host import Host
from stacks.engine.provision.wanted import Wanted
from stacks.engine.stop import Stop

_PAGE = 4096  # bytes of RAM behind the smallest file
_SUFFIXES = {"g": 1024**3, "m": 1024**2, "k": 1024}


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """The tmpfs that a machine should have at its mount point."""

    place: Path
    options: dict[str, str]

    @property
    def spelled(self) -> str:
        """The options as mount(8), fstab and unit files take them."""
        return ",".join(f"{name}={value}" if value else name for name, value in self.options.items())


def wanted_tmpfs(wanted: Wanted, host: Host) -> Tmpfs:
    """Choose the tmpfs: as asked, else as it is mounted, else half of the RAM and an inode for each of its pages."""
    place = wanted.layout.ramdisk
    there = mounts.room(place).bytes_total if os.path.ismount(place) else None
    size = wanted.ramdisk_bytes or there or host.memory // 2
    inodes = wanted.inodes or size // _PAGE
    owner = {"mode": "0755", "uid": str(wanted.owner.uid), "gid": str(wanted.owner.gid)}
    return Tmpfs(place, {"size": _spell(size), "nr_inodes": str(inodes), **owner, "nosuid": "", "nodev": ""})


def _spell(size: int) -> str:
    return next((f"{size // unit}{suffix}" for suffix, unit in _SUFFIXES.items() if size % unit == 0), str(size))


def parse_size(text: str, memory: int) -> int | None:
    """Read a size in bytes from `8g`, `8G`, `50%` (of `memory`) or plain bytes; None when it is none of them."""
    number, unit = (text[:-1], text[-1:].lower()) if text[-1:].lower() in (*_SUFFIXES, "%") else (text, "")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    return int(number) * memory // 100 if unit == "%" else int(number) * _SUFFIXES.get(unit, 1)


def actions(wanted: Wanted, host: Host) -> list[Action]:
    """List what gives the machine its ramdisk, now and after each boot; raise Refused when fstab says otherwise."""
    tmpfs = wanted_tmpfs(wanted, host)
    listed = fstab.find(host.fstab, tmpfs.place)
    for line in listed:
        _check_line(line, tmpfs, wanted, host)
    point = Directory(tmpfs.place, 0o755, wanted.owner)
    first = Action(
        "mount-point", "Make the ramdisk's mount point", f"{tmpfs.place}, empty: the ramdisk is mounted there.",
        (f"mkdir -m 755 {tmpfs.place}",), not os.path.lexists(tmpfs.place), host.is_root, lambda *_: _make(point.place),
    )  # fmt: skip
    if host.systemctl and not listed:
        return [first, *_by_systemd(tmpfs, wanted, host, host.systemctl)]
    return [first, _mount(tmpfs, host), _at_boot(tmpfs, host, needed=not listed)]


def _make(place: Path) -> None:
    place.mkdir(mode=0o755, exist_ok=True)
    place.chmod(0o755)


def _check_line(line: fstab.Line, tmpfs: Tmpfs, wanted: Wanted, host: Host) -> None:
    if not _agrees(line.type, line.options, tmpfs, wanted, host):
        raise Refused(
            f"{host.fstab} has another line for {tmpfs.place}: “{' '.join(line.text.split())}”. "
            f"Make it “{templates.render('fstab', ramdisk=tmpfs.place, options=tmpfs.spelled).strip()}”, or remove it."
        )


def _agrees(kind: str, options: Mapping[str, str], tmpfs: Tmpfs, wanted: Wanted, host: Host) -> bool:
    """Tell whether what is set up already is what is wanted; a size that nobody chose may be any."""
    unchosen = {"size": wanted.ramdisk_bytes is None, "nr_inodes": wanted.inodes is None}
    compared = [name for name in tmpfs.options if not unchosen.get(name)]
    same = all(_is_equal(name, options.get(name), tmpfs.options[name], host) for name in compared)
    return kind == "tmpfs" and "noexec" not in options and same


def _is_equal(name: str, found: str | None, value: str, host: Host) -> bool:
    if found is None:
        return False
    if name in ("size", "nr_inodes"):
        return parse_size(found, host.memory) == parse_size(value, host.memory)
    return found.lstrip("0") == value.lstrip("0")


def _mount(tmpfs: Tmpfs, host: Host) -> Action:
    argv = ("mount", "-t", "tmpfs", "-o", tmpfs.spelled, "tmpfs", str(tmpfs.place))

    def work(sink: Sink, stop: Stop) -> None:
        check_mountable(tmpfs.place)
        if not os.path.ismount(tmpfs.place):
            run(Command(argv, env=base_environment(), limit=60), sink, stop)

    why = "So that the versions in production lie in RAM. Not noexec: users run programs from it."
    needed = not os.path.ismount(tmpfs.place)
    may = host.is_root and host.may_mount
    return Action("mount", "Mount the ramdisk", why, (" ".join(argv),), needed, may, work)


def check_mountable(place: Path) -> None:
    """Raise Refused unless a tmpfs is mounted here already or here is an empty directory."""
    if place.is_symlink() or not place.is_dir() or (not os.path.ismount(place) and any(place.iterdir())):
        raise Refused(f"{place} is not an empty directory (any more): nothing was mounted over it.")


def _at_boot(tmpfs: Tmpfs, host: Host, *, needed: bool) -> Action:
    line = templates.render("fstab", ramdisk=tmpfs.place, options=tmpfs.spelled).strip()
    command = f"printf '\\n%s\\n' '{line}'" if fstab.ends_open(host.fstab) else f"echo '{line}'"
    # After the mount, so that no line stays behind that a boot would fail on.
    return Action(
        "fstab", "Mount it at each boot", f"Adds a line to {host.fstab}; the rest of it stays to the byte.",
        (f"{command} >> {host.fstab}",), needed, host.is_root, lambda *_: fstab.add(host.fstab, line, tmpfs.place),
    )  # fmt: skip


def _by_systemd(tmpfs: Tmpfs, wanted: Wanted, host: Host, systemctl: tuple[str, ...]) -> list[Action]:
    name = templates.unit_name(tmpfs.place, "mount")
    unit = host.units / name
    text = templates.render("ramdisk.mount", root=wanted.layout.root, ramdisk=tmpfs.place, options=tmpfs.spelled)
    wants = host.units / "local-fs.target.wants" / name
    _check_unit(unit, tmpfs, wanted, host)

    def mount(sink: Sink, stop: Stop) -> None:
        check_mountable(tmpfs.place)
        for words in (("daemon-reload",), ("enable", "--now", name)):
            run(Command((*systemctl, *words), env=base_environment(), limit=120), sink, stop)

    return [
        Action(
            "mount-unit", "Have it mounted at each boot", f"Writes {unit}.", (write(unit, text),),
            not unit.exists(), host.is_root, lambda *_: durable.write_alone(unit, text.encode()),
        ),
        Action(
            "mount", "Mount the ramdisk", "Now and at each boot; not noexec: users run programs from it.",
            ("systemctl daemon-reload", f"systemctl enable --now {shlex.quote(name)}"),
            not (os.path.lexists(wants) and os.path.ismount(tmpfs.place)), host.is_root, mount,
        ),
    ]  # fmt: skip


def _check_unit(unit: Path, tmpfs: Tmpfs, wanted: Wanted, host: Host) -> None:
    if not unit.exists():
        return
    pairs = (line.partition("=") for line in unit.read_text().splitlines())
    found = {name: value for name, _, value in pairs}
    if not _agrees(found.get("Type", ""), fstab.options(found.get("Options", "")), tmpfs, wanted, host):
        raise Refused(
            f"{unit} is there already with other values ({found.get('Options', 'none')}): "
            f"make them {tmpfs.spelled}, or remove it."
        )
