"""Sweep verbs as told on standard input, one order in JSON a line: unshare --mount python -m tests.faults.sweep.

Each line names a verb, and either asks for its survey or gives injections; each is answered by a line.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from typing import Any

from tests.faults.kills import place as places
from tests.faults.sweep.calls import Choice, choices
from tests.faults.sweep.injection import Injection, Known, survey
from tests.faults.sweep.verbs import VERBS, Verb

# rsync takes the names of files that are not whole yet from there: all alike, each can be picked by its name.
_NO_CHANCE = ("mount", "--bind", "/dev/zero", "/dev/urandom")
_SUBREAPER = 36  # prctl: orphans of what this process started become its children


def main() -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    subprocess.run(_NO_CHANCE, check=True)
    known: dict[str, Known] = {}
    verbs = {verb.name: verb for verb in VERBS}
    with places.opened() as place:
        for line in sys.stdin:
            asked: dict[str, Any] = json.loads(line)
            verb = verbs[asked["verb"]]
            if verb.name not in known:
                known[verb.name] = survey(place, verb)
            print(json.dumps(answer(place, verb, known[verb.name], asked.get("orders", ()))), flush=True)


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
