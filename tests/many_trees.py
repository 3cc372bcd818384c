"""The disk of the one machine among many that is this one, and the log of one operation."""

from __future__ import annotations

import json
from pathlib import Path

from stacks import observation
from stacks.engine.events import Event
from stacks.engine.layout import Layout
from stacks.engine.versions import Description
from stacks.logs import chunks
from stacks.logs.lines import encode
from stacks.models import Machine, Operation, Version
from tests.many_kernels import KERNELS
from tests.seed import write_trees

LOGO = b"\x89PNG\r\n\x1a\n"


def write(root: Path, machine: Machine, versions: list[Version]) -> None:
    """Put small trees for the versions below the root, the newest two in the ramdisk, and a kernelspec library."""
    newest = versions[-2:]
    write_trees(
        root,
        [_description(row) for row in versions],
        resident=tuple(row.name for row in newest),
        active=newest[-1].name,
    )
    layout = Layout(root)
    for place in (layout.resident(newest[-1].name), layout.version(newest[-1].name)):
        for spec in KERNELS:
            _kernelspec(place / spec["environment"] / "share/jupyter/kernels" / spec["name"], spec)
    for spec in KERNELS[-2:]:
        _kernelspec(layout.kernel_specs / spec["name"], spec)
    (layout.kernel_specs / "tiny" / "logo-64x64.png").write_bytes(LOGO)
    seen = observation.observe(machine)
    for listed in seen["versions"]:
        for contents in observation.CONTENTS:
            del listed[contents]
    machine.observed = seen
    machine.save(update_fields=["observed"])


def _description(row: Version) -> Description:
    return Description(
        name=row.name, uuid=str(row.uuid), generation=row.generation, sealed_at=row.sealed_at.timestamp(),
        manifest=row.manifest_digest, files=row.files, bytes=row.bytes, packages=row.packages,
        kernelspecs=row.kernelspecs, lockfile={"anaconda3": row.lockfile},
    )  # fmt: skip


def _kernelspec(directory: Path, spec: dict[str, object]) -> None:
    directory.mkdir(parents=True)
    argv = ["/bin/sh", "{connection_file}"]
    whole = {"argv": argv, "display_name": spec["display_name"], "language": spec["language"]}
    (directory / "kernel.json").write_text(json.dumps(whole))


def log(operation: Operation, lines: int = 4000) -> Operation:
    """Store a log with an error near its end."""
    said = [*(f"Installing package-{n}" for n in range(1, lines)), "ERROR: the last one failed"]
    rows = [row.encode() for text in said for row in encode(Event("output", text, "step"))]
    for first in range(0, lines, 2000):
        chunks.packed(operation.pk, first + 1, rows[first : first + 2000]).save()
    Operation.objects.filter(pk=operation.pk).update(log_lines=lines)
    operation.log_lines = lines
    return operation
