"""What is looked at on a machine before a rollout reaches it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stacks import activations, observation, operations
from stacks.engine.errors import NothingToDo, Refused
from stacks.engine.layout import check_name
from stacks.models import Machine, Operation, RolloutTarget


def refuse_lacking(version: str, machines: Sequence[Machine]) -> None:
    """Raise Refused that names all machines on which a version cannot be deployed: not sealed there, frozen, or bad."""
    check_name(version)
    lacking = [machine.name for machine in machines if version not in _sealed(machine)]
    if lacking:
        names = " ".join(lacking)
        raise Refused(
            f"“{version}” is not sealed on {', '.join(lacking)}: copy it there first, "
            f"with “dlstack copy {version} --to {names}”, or build it there."
        )
    _refuse_all(_barred(machine, version) for machine in machines)


def reverts_to(machines: Sequence[Machine]) -> dict[int, str]:
    """Give what a revert of each machine leads to; raises Refused that names those where there is nothing."""
    found = {machine.pk: activations.revert_target(machine) for machine in machines}
    without = ", ".join(machine.name for machine in machines if found[machine.pk] is None)
    if without:
        raise Refused(f"There is no earlier healthy version to go back to on {without}: leave them out.")
    return {pk: version.name for pk, version in found.items() if version is not None}


def refuse_taken(machines: Sequence[Machine]) -> None:
    """Raise Refused where a machine waits in another rollout, whose turn would undo this one."""
    waiting = RolloutTarget.objects.filter(machine__in=machines, state=RolloutTarget.State.WAITING)
    told = [f"{one.machine} waits in {one.rollout}" for one in waiting.select_related("machine", "rollout")]
    if told:
        raise Refused(f"{', '.join(told)}: resume or cancel that first.")


def refuse_settled(version: str, machines: Sequence[Machine]) -> None:
    """Raise NothingToDo when a version is active on all machines already."""
    if all(is_active(machine, version) for machine in machines):
        raise NothingToDo(f"“{version}” is active already on each of these machines: there is nothing to do.")


def is_active(machine: Machine, version: str) -> bool:
    """Tell whether a version is active on a machine, by the record and by what was seen last."""
    current, seen = activations.current(machine), observation.observe(machine)
    stands = seen.get("active") == seen.get("backing") == version and version in seen.get("resident", [])
    return stands and current is not None and current.version.name == version


def _sealed(machine: Machine) -> set[str]:
    listed = observation.observe(machine).get("versions", [])
    return {str(version["name"]) for version in listed if version.get("sealed")}


def _barred(machine: Machine, version: str) -> str:
    try:
        operations.refuse_if_barred(machine=machine, kind=Operation.Kind.DEPLOY, version=version)
    except Refused as refusal:
        return str(refusal)
    return ""


def _refuse_all(told: Iterable[str]) -> None:
    if said := " ".join(filter(None, told)):
        raise Refused(said)
