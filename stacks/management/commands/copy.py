"""`dlstack copy`: have other machines fetch a version."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import transaction

from stacks import documents, embedded, operations
from stacks.engine.errors import Failed, Refused
from stacks.management.changing import STOPPED_LOOKING, ChangingVerb, how_to_look_again, status_of
from stacks.management.verb import DONE, FAILED, machine_named, requester
from stacks.models import Operation


class Command(ChangingVerb):
    help = "Have each machine M fetch VERSION from one that has it, whatever it has of it already left out."
    takes_machine = False

    def arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="VERSION")
        parser.add_argument("--to", metavar="M", nargs="+", required=True, help="the machines that fetch it")
        parser.add_argument(
            "--from", metavar="M", dest="source", help="the one that gives it; any that has it if left out"
        )
        parser.add_argument("--bwlimit", metavar="KIB", type=int, help="KiB a second at most, 0 for no bound")

    def carry_out(self, options: dict[str, Any]) -> int:
        if options["dry_run"]:
            return self._tell(self._taken_back(options))
        if settings.DLSTACK.is_embedded and not embedded.is_running():
            self._taken_back(options)  # what would be refused starts nothing
        try:
            embedded.ensure_running()
        except Failed as error:
            self.stderr.write(str(error))
            return FAILED
        made = self._submitted(options)
        return self._listed(made) if options["detach"] else self._follow_all(made)

    def _submitted(self, options: dict[str, Any]) -> list[Operation]:
        if (options["bwlimit"] or 0) < 0:
            raise Refused("--bwlimit is in KiB a second: 0 for no bound, or more.")
        machines = [machine_named(name) for name in dict.fromkeys(options["to"])]
        source = machine_named(options["source"]) if options["source"] else None
        return operations.copy(
            machines=machines,
            version=operations.version_named(options["version"], source, machines),
            source=source,
            limit=options["bwlimit"],
            requested_by=requester(),
            reason=options["reason"],
        )

    def _taken_back(self, options: dict[str, Any]) -> list[Operation]:
        with transaction.atomic():
            made = self._submitted(options)
            transaction.set_rollback(True)
        return made

    def _tell(self, made: list[Operation]) -> int:
        told = [{"machine": one.machine.name, "version": one.parameters["version"]} for one in made]
        if self.is_json:
            self.document(told)
        for one in told:
            self.say(
                f"{one['machine']} would fetch “{one['version']}”: what its versions hold is linked, the rest comes."
            )
        return DONE

    def _listed(self, made: list[Operation]) -> int:
        if self.is_json:
            self.document([{"id": operation.pk, "machine": operation.machine.name} for operation in made])
        for operation in made:
            self.say(str(operation.pk))
        return DONE

    def _follow_all(self, made: list[Operation]) -> int:
        ended: list[Operation] = []
        for operation in made:
            try:
                ended += self.followed(operation)
            except KeyboardInterrupt:
                self.stderr.write(how_to_look_again(operation))
                return STOPPED_LOOKING
        if self.is_json:
            self.document([documents.of_operation(operation) for operation in ended])
        return max(status_of(operation) for operation in ended)
