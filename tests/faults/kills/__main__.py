"""Kill operations as told on standard input, one order in JSON a line: python -m tests.faults.kills.

Each line names a scenario, and either asks for its survey or gives orders; each is answered by a line.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

from stacks.engine import services
from tests.faults.kills import place as places
from tests.faults.kills.scenarios import SCENARIOS
from tests.faults.kills.trial import Order, Survey, Trial, survey

_SUBREAPER = 36  # prctl: orphans of what this process started become its children


def main() -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    services.SETTLED = 0.3  # the services here are down at once
    known: dict[str, Survey] = {}
    scenarios = {scenario.name: scenario for scenario in SCENARIOS}
    with places.opened() as place:
        for line in sys.stdin:
            asked: dict[str, Any] = json.loads(line)
            scenario = scenarios[asked["scenario"]]
            if scenario.name not in known:
                known[scenario.name] = survey(place, scenario)
            found = known[scenario.name]
            orders = [Order(**order) for order in asked.get("orders", ())]
            results = [Trial(place, scenario, found, order).run().plain() for order in orders]
            answer = {"points": found.points, "seconds": found.seconds, "results": results}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
