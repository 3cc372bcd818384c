"""Sweep verbs as told on standard input, one order in JSON a line: unshare --mount --pid … -m tests.faults.sweep.

Each line names a verb, and either asks for its survey or gives injections; each is answered by a line.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.faults.kills import place as places
from tests.faults.sweep.calls import Choice, choices
from tests.faults.sweep.injection import Injection, Known, survey
from tests.faults.sweep.verbs import VERBS, Verb

# rsync takes the names of files that are not whole yet from there: all alike, each can be picked by its name.
_NO_CHANCE = ("mount", "--bind", "/dev/zero", "/dev/urandom")
# In a namespace of this process alone, and in memory, since each injection makes and removes a machine; two, since root
# and ramdisk are two filesystems.
_PLACE, _SHARED = Path("/mnt"), Path("/dev/shm")


def main() -> None:
    subprocess.run(_NO_CHANCE, check=True)
    for place in (_PLACE, _SHARED):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "none", place], check=True)
    known: dict[str, Known] = {}
    verbs = {verb.name: verb for verb in VERBS}
    gc.freeze()  # what lies still is not copied for each process that is forked off
    with places.opened(_PLACE / "machine") as machine:
        for line in sys.stdin:
            asked: dict[str, Any] = json.loads(line)
            verb = verbs[asked["verb"]]
            if verb.name not in known:
                known[verb.name] = survey(machine, verb)
            print(json.dumps(answer(machine, verb, known[verb.name], asked.get("orders", ()))), flush=True)


def answer(place: places.Place, verb: Verb, known: Known, orders: list[dict[str, Any]]) -> dict[str, Any]:
    """Carry out the injections that are ordered; gives their results beside the labels of all calls."""
    results = [inject(place, verb, known, order["call"], order["how"]) for order in orders]
    return {"calls": [call.label for call in known.changing], "results": results}


def inject(place: places.Place, verb: Verb, known: Known, number: int, how: str) -> dict[str, Any]:
    """Make one call fail; other ways to pick it are tried where another call was hit in its stead.

    What is found wrong in any of these runs counts. `covered` tells whether the call was hit in the end.
    """
    wanted = known.changing[number]
    ways = choices(known.calls, wanted) or [Choice(wanted.program, wanted.name, wanted.number)]
    violations: list[str] = []
    result: dict[str, Any] = {}
    for way in ways:
        result = Injection(place, verb, known, way, how).run().plain()
        violations += result["violations"]
        if result["label"] == wanted.label:
            break
    return result | {
        "violations": violations,
        "covered": result["label"] == wanted.label,
        "wanted": wanted.label,
        "how": how,
    }


if __name__ == "__main__":
    main()
