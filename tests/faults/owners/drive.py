"""Carry privileged steps out again and again while its external owner attacks: drive.py STEP,… SECONDS; prints JSON.

A process of its own, so that one that dies or hangs is seen.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from stacks.engine import recovery
from stacks.engine.errors import EngineError
from tests.faults.owners import hostile
from tests.faults.owners.attacks import GID, UID
from tests.faults.owners.stage import STEPS, Stage, stage

PYTHON = "/usr/bin/python3"  # that of the tests may lie where nobody else reaches it


def attacker(made: Stage) -> subprocess.Popen[bytes]:
    """Begin the attack, as the owner himself."""
    drop = ["setpriv", "--pdeathsig", "KILL", "--reuid", str(UID), "--regid", str(GID)]
    code = Path(hostile.__file__).read_text()
    return subprocess.Popen(
        [*drop, "--clear-groups", "--no-new-privs", "--", PYTHON, "-c", code, str(made.layout.root), str(made.outside)],
        cwd="/",
    )


def main(names: list[str], seconds: float) -> dict[str, object]:
    """Race each step in turn on one machine; give what came of each, and of the whole what lies outside."""
    with stage() as made:
        before = made.canaries()
        process = attacker(made)
        try:
            found = {name: carry_out(made, name, seconds) for name in names}
            is_alive = process.poll() is None
        finally:
            process.kill()
            process.wait()
        changed = [path for path, told in made.canaries().items() if before.get(path) != told]
        return {"steps": found, "alive": is_alive, "changed": changed, "leaks": made.leaks()}


def carry_out(made: Stage, name: str, seconds: float) -> dict[str, object]:
    done, said = 0, Counter[str]()
    unclear: list[str] = []
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        try:
            STEPS[name](made)
            done += 1
        except EngineError as error:
            said[re.sub(r"[0-9a-f]{8,}|\d+", "N", str(error))[:160]] += 1
        except Exception:
            unclear.append(traceback.format_exc())
            for lane in ("live", "build"):
                recovery.recover(made.layout, lane)
    return {"done": done, "failed": said.total(), "said": said.most_common(8), "unclear": unclear[:3]}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1].split(","), float(sys.argv[2]))))
