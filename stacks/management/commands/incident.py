"""`dlstack incident`: what changed on a machine since the last healthy version, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from stacks import documents, incidents, marks, timeline
from stacks.differences import as_document as differences_document
from stacks.engine.errors import Refused
from stacks.incidents import Incident
from stacks.management.verb import DONE, Verb, machine_named
from stacks.models import Machine, Version


class Command(Verb):
    help = "Show what is active since when and by whom, what changed, what a revert leads to, and a timeline."

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--hours", metavar="N", type=int, default=timeline.HOURS, help="of the timeline (48)")

    def carry_out(self, options: dict[str, Any]) -> int:
        hours = options["hours"]
        if not 1 <= hours <= timeline.LONGEST:
            raise Refused(f"--hours must be from 1 to {timeline.LONGEST}.")
        asked = [machine_named(options["machine"])] if options["machine"] else list(Machine.objects.all())
        found = [incidents.of(machine, hours=hours) for machine in asked]
        if self.is_json:
            self.document({"machines": [_document(incident) for incident in found]})
        for incident in found:
            self.say("\n".join([*_lines(incident), "", incident.happened.text]))
        return DONE


def _lines(found: Incident) -> Iterator[str]:
    since, to = found.agreed, found.target
    who = (
        f" since {since.activated_at:%Y-%m-%d %H:%M} UTC by {since.activated_by or marks.COMMAND_LINE}" if since else ""
    )
    yield f"{found.machine}: {found.active or 'nothing'} is active{who}"
    if since and since.reason:
        yield f"reason: {since.reason}"
    yield from filter(None, (found.frozen, found.bad))
    if found.version and found.version.operation:
        build = found.version.operation
        yield f"built by {build.requested_by or marks.COMMAND_LINE} ({build.kind} #{build.pk})"
    for operation in found.happened.unfinished:
        yield f"{operation.state}: {operation.kind} #{operation.pk} by {operation.requested_by or marks.COMMAND_LINE}"
    for problem in found.problems:
        yield f"problem {problem['code']}: {problem['message']} {problem.get('action', '')}".rstrip()
    yield from _changes(found)
    yield from _way_back(found, to)


def _changes(found: Incident) -> Iterator[str]:
    if found.differences is None or found.target is None:
        return
    groups = [*found.differences.environments, found.differences.kernelspecs]
    yield f"from {found.target} to {found.active}:{'' if found.differences else ' the same packages and kernelspecs'}"
    for group in groups:
        for change in group.all:
            yield f"  {group.name}: {change.name} {change.before or 'not there'} → {change.after or 'removed'}"


def _way_back(found: Incident, to: Version | None) -> Iterator[str]:
    if to is None:
        yield "revert: no other version was active and healthy before: deploy one by its name"
        return
    yield f"healthy before: {', '.join(version.name for version in found.targets)}"
    took = f" (the last {found.pace.kind}s took {found.pace.seconds:.1f} s)" if found.pace else ""
    yield f"revert to {to}{took}: dlstack revert --machine {found.machine} --mark-bad --reason WHY"
    if found.refusal:
        yield f"but: {found.refusal}"


def _document(found: Incident) -> dict[str, Any]:
    since, build, happened = found.agreed, found.version and found.version.operation, found.happened
    return {
        "machine": found.machine.name,
        "active": found.active or None,
        "since": since and since.activated_at,
        "by": str(since.activated_by) if since and since.activated_by else None,
        "reason": since.reason if since else "",
        "frozen": found.frozen or None,
        "bad": found.bad or None,
        "build": build and documents.of_operation(build),
        "targets": [version.name for version in found.targets],
        "differences": differences_document(found.differences) if found.differences is not None else None,
        "seconds": found.pace and found.pace.seconds,
        "refusal": found.refusal or None,
        "unfinished": [documents.of_operation(operation) for operation in happened.unfinished],
        "problems": found.problems,
        "timeline": happened.text,
    }
