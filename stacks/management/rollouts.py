"""What the two verbs of rollouts share: finding one, showing it, following it."""

from __future__ import annotations

import time

from stacks import rollouts
from stacks.engine.errors import Refused
from stacks.management.verb import DONE, FAILED, Verb
from stacks.models import Rollout

LOOK_AGAIN = 0.5  # seconds


def rollout_numbered(number: int) -> Rollout:
    """Find a rollout by its id; raises Refused when there is none."""
    found = Rollout.objects.select_related("requested_by").filter(pk=number).first()
    if found is None:
        raise Refused(f"There is no rollout {number}: “dlstack rollouts” lists them.")
    return found


def tell(verb: Verb, rollout: Rollout) -> int:
    """Show how a rollout stands."""
    document = rollouts.document(rollout)
    if verb.is_json:
        verb.document(document)
        return DONE
    verb.say(
        f"{rollout}: {rollout.kind} {rollout.version}".strip() + f" is {rollout.state}. {rollout.message}".rstrip()
    )
    for one in document["machines"]:
        verb.say(_line(one))
    return DONE


def follow(verb: Verb, rollout: Rollout) -> int:
    """Print what changes until a rollout has ended or is stopped; gives the exit status."""
    told: set[str] = set()
    while True:
        rollout.refresh_from_db()
        document = rollouts.document(rollout)
        waits = [rollout.message] if rollout.is_moving and rollout.message else []  # for a freeze window
        for line in [*map(_line, document["machines"]), *waits]:
            if line not in told:
                told.add(line)
                verb.say(line)
        if not rollout.is_moving:
            break
        time.sleep(LOOK_AGAIN)
    return _ended(verb, rollout)


def _ended(verb: Verb, rollout: Rollout) -> int:
    done = rollout.state == Rollout.State.SUCCEEDED
    if verb.is_json:
        verb.document(rollouts.document(rollout))
    verb.say(f"{rollout} {rollout.state}: {rollout.message}")
    if rollout.state == Rollout.State.STOPPED:
        verb.say(
            f"“dlstack rollout --resume {rollout.pk}” tries again, “dlstack rollout --cancel {rollout.pk}” ends it."
        )
    if not done and not verb.is_json:
        verb.stderr.write(rollout.message)
    return DONE if done else FAILED


def _line(one: dict[str, object]) -> str:
    number = one["revert_operation"] or one["operation"]
    which = f" (#{number})" if number else ""
    return f"{one['machine']}: {one['version']} {one['state']}{which} {one['message']}".rstrip()
