"""Copies between machines: asked for by people, begun when a machine that has the version is free to give it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from stacks import observation
from stacks.engine.errors import NothingToDo, Refused
from stacks.engine.remote import parse
from stacks.models import Machine, Operation, Version, Worker
from stacks.operations import doorbell, lifecycle
from stacks.operations.requests import preview, submit_sealing
from stacks.operations.sources import PULLS, Holder, choose
from stacks.operations.submission import refuse_if_busy
from stacks.presence import SILENT_AFTER

Kind = Operation.Kind
State = Operation.State
_WAITS = "Each machine that has it gives {pulls} copies already: this one begins when one of them is free."


def copy(
    *,
    machines: Collection[Machine],
    version: Version,
    source: Machine | None = None,
    limit: int | None = None,
    requested_by: User | None,
    reason: str = "",
) -> list[Operation]:
    """Ask for copies of a version on machines, all or none; from `source`, or from whoever has it and is free.

    `limit` is in KiB a second, 0 for none; without it each machine's own counts. Raises Refused when one cannot be.
    """
    if not machines:
        raise Refused("Say to which machines it is to be copied.")
    with transaction.atomic():
        asked = {"version": version.name, "uuid": str(version.uuid), "manifest": version.manifest_digest}
        asked |= {"root": version.machine.root, "from": source.name if source else ""}
        rest = {"requested_by": requested_by, "reason": reason}
        return [_ask(machine, {**asked, "limit": _limit(machine, limit)}, rest) for machine in machines]


def _ask(machine: Machine, asked: dict[str, Any], rest: dict[str, Any]) -> Operation:
    refuse_if_busy(machine, Operation.Lane.BUILD)
    version = asked["version"]
    if asked["root"] != machine.root:
        raise Refused(
            f"“{version}” was built for {asked['root']}/sw and works nowhere else; "
            f"the live path of {machine.name} is {machine.root}/sw."
        )
    here = machine.versions.filter(name=version, removed_at=None).first()
    if here is not None:
        same = here.manifest_digest == asked["manifest"]
        what = "it is there already" if same else "another version has that name there: remove it first"
        raise (NothingToDo if same else Refused)(f"“{version}” cannot be copied to {machine.name}: {what}.")
    choose(_holders(machine, asked), version)
    if observation.is_here(machine):
        preview(machine=machine, kind=Kind.COPY, parameters={**asked, "generation": 0})
    return submit_sealing(machine=machine, kind=Kind.COPY, parameters=asked, **rest)


def _limit(machine: Machine, asked: int | None) -> int:
    return machine.copy_limit if asked is None else asked


def version_named(name: str, source: Machine | None, targets: Collection[Machine]) -> Version:
    """Find the version that a name means: on `source`, or on all machines but those that want it; raises Refused."""
    rows = Version.objects.filter(name=name, removed_at=None).exclude(manifest_digest="").select_related("machine")
    listed = list(
        rows.filter(machine=source) if source else rows.exclude(machine__in=targets).order_by("machine__name")
    )
    if not listed:
        where = source.name if source else "another machine"
        raise Refused(f"There is no version “{name}” on {where}: “dlstack versions” lists those of a machine.")
    if len({row.manifest_digest for row in listed}) > 1:
        names = ", ".join(row.machine.name for row in listed)
        raise Refused(f"“{name}” is not the same version on {names}: say from which machine with --from.")
    return listed[0]


def claim(*, operation_id: int, attempt: str = "") -> bool:
    """Make a queued operation running, as `lifecycle.claim` does; a copy only when a source is free, which it gets.

    Raises Refused when there is no machine any more that could give it.
    """
    operation = Operation.objects.select_related("machine").filter(pk=operation_id, kind=Kind.COPY).first()
    if operation is None:
        return lifecycle.claim(operation_id=operation_id, attempt=attempt)
    with transaction.atomic():
        # One choice at a time: two at once would take the last place of the same machine.
        alike = Machine.objects.select_for_update(no_key=True).filter(root=operation.parameters["root"])
        list(alike.order_by("pk").values_list("pk"))
        source = _source_of(operation)
        if source is None or not lifecycle.claim(operation_id=operation_id, attempt=attempt):
            return False
        Operation.objects.filter(pk=operation_id).update(outcome={"source": source})
    return True


def _source_of(operation: Operation) -> str | None:
    return choose(
        _holders(operation.machine, operation.parameters, besides=operation.pk), operation.parameters["version"]
    )


def _holders(machine: Machine, asked: dict[str, Any], besides: int = 0) -> list[Holder]:
    rows = _rows(machine, asked)
    lately = Worker.objects.filter(heard_at__gte=Now() - SILENT_AFTER, machine__in=[row.machine_id for row in rows])
    heard = set(lately.values_list("machine_id", flat=True))
    running = Operation.objects.filter(kind=Kind.COPY, state=State.RUNNING).exclude(pk=besides)
    gives = Counter(running.values_list("outcome__source", flat=True))
    return [
        Holder(row.machine.name, gives[row.machine.name], row.machine_id in heard, bool(row.machine.address))
        for row in rows
    ]


def _rows(machine: Machine, asked: dict[str, Any]) -> list[Version]:
    """Give the same version on other machines with the same live path; on one machine, if that was asked for."""
    rows = Version.objects.filter(manifest_digest=asked["manifest"], removed_at=None, machine__root=asked["root"])
    if asked.get("from"):
        rows = rows.filter(machine__name=asked["from"])
    return list(rows.exclude(machine=machine).select_related("machine").order_by("machine__name", "pk"))


def chosen(operation: Operation) -> dict[str, Any]:
    """Give where a running copy comes from: the machine, its address, and the version's name there."""
    if operation.kind != Kind.COPY:
        return {}
    source = Operation.objects.values_list("outcome", flat=True).get(pk=operation.pk).get("source")
    row = next((row for row in _rows(operation.machine, operation.parameters) if row.machine.name == source), None)
    if row is None:
        raise Refused(f"“{operation.parameters['version']}” is not on {source} any more: copy it again.")
    parse(row.machine.address)
    return {"source": row.machine.name, "address": row.machine.address, "there": row.name}


def given_now(machine: Machine) -> list[str]:
    """Name the versions of a machine that are being copied from it."""
    running = Operation.objects.filter(kind=Kind.COPY, state=State.RUNNING, outcome__source=machine.name)
    digests = [asked.get("manifest") for asked in running.values_list("parameters", flat=True)]
    return list(machine.versions.filter(manifest_digest__in=digests, removed_at=None).values_list("name", flat=True))


def wake() -> None:
    """Ring for the copies that wait: one has ended, so that its source is free, and it may be one itself."""
    for operation in Operation.objects.filter(kind=Kind.COPY, state=State.QUEUED).select_related("machine"):
        doorbell.ring(operation)


def waiting(operation: Operation) -> str:
    """Say for what a copy waits that has not begun, "" where it does not wait for another machine."""
    if operation.kind != Kind.COPY or operation.state != State.QUEUED:
        return ""
    try:
        return "" if _source_of(operation) else _WAITS.format(pulls=PULLS)
    except Refused as refusal:
        return str(refusal)
