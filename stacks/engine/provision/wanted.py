"""What provisioning is asked for, read from plain values and completed by what is there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stacks.engine import resident, services
from stacks.engine.errors import Refused
from stacks.engine.layout import Layout
from stacks.engine.owner import Owner
from stacks.engine.provision.host import MACHINE, Host, check_plain

SMALLEST = 16 * 1024 * 1024  # bytes of a ramdisk
FEWEST = 1000  # inodes of a ramdisk
LAYOUTS = ("resident", "in-place")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a machine should have; `ramdisk_bytes` and `inodes` are None where nobody chose them."""

    layout: Layout
    owner: Owner
    machine: str
    in_place: bool = False
    ramdisk_bytes: int | None = None
    inodes: int | None = None
    trust_parents: bool = False
    services: tuple[dict[str, object], ...] = ()
    units: tuple[str, ...] = field(default=())


def read(layout: Layout, owner: Owner, asked: Mapping[str, Any], host: Host) -> Wanted:
    """Read what is asked for; raise Refused that says which value cannot be."""
    check_plain(layout.root)
    listed = asked.get("services") or []
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise Refused("“services” must be a list of tables, each with “unit”, or with “name” and its three commands.")
    return Wanted(
        layout,
        owner,
        _machine(asked, host),
        _in_place(layout, asked),
        _number(asked, "ramdisk_bytes", SMALLEST, host.memory),
        _number(asked, "inodes", FEWEST, 2**32),
        bool(asked.get("trust_parents")),
        tuple(listed),
        _units(listed),
    )


def _units(listed: list[dict[str, object]]) -> tuple[str, ...]:
    services.parse(listed)
    names = [str(item["unit"]) for item in listed if "unit" in item]
    return tuple(name if "." in name else f"{name}.service" for name in names)


def _machine(asked: Mapping[str, Any], host: Host) -> str:
    name = str(asked.get("machine") or host.name)
    if not MACHINE.fullmatch(name):
        raise Refused(f"“{name}” cannot name a machine: use lower-case letters, digits and hyphens, 63 at most.")
    return name


def _in_place(layout: Layout, asked: Mapping[str, Any]) -> bool:
    there = resident.is_in_place(layout)
    name = asked.get("layout") or LAYOUTS[there]
    if name not in LAYOUTS:
        raise Refused(f"There is no layout “{name}”; there are: {', '.join(LAYOUTS)}.")
    in_place = name == "in-place"
    if in_place != there and resident.active(layout):
        raise Refused(
            f"{layout.root} has layout {LAYOUTS[there]} and “{resident.active(layout)}” in production: "
            + ("run “convert” to change it." if there else "layout in-place is chosen before the first deploy.")
        )
    return in_place


def _number(asked: Mapping[str, Any], key: str, least: int, most: int) -> int | None:
    value = asked.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Refused(f"“{key}” must be a whole number from {least} to {most}, not {value!r}.")
    return value
