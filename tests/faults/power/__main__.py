"""Cut the power as told on standard input, one order in JSON a line: unshare --mount python -m tests.faults.power.

Each line names a filesystem, a seed, how many cuts are looked at, and a mutant or none; it is answered by a line.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.faults.power.disk import KINDS
from tests.faults.power.drill import Drill


def main() -> None:
    kinds = {kind.name: kind for kind in KINDS}
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        with tempfile.TemporaryDirectory(prefix="dlstack-power-") as place:
            (Path(place) / "disk").mkdir()
            drill = Drill(kinds[asked["kind"]], Path(place), random.Random(asked["seed"]))
            drill.run(asked["mutant"])
            broken = list(drill.broken(asked["most"]))
            answer = {"points": [cut.point for cut in drill.cuts], "broken": broken}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
