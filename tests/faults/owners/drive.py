"""Carry one privileged step out again and again while its external owner attacks: drive.py STEP SECONDS; prints JSON.

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
    drop = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--reuid",
        str(UID),
        "--regid",
        str(GID),
        "--clear-groups",
        "--no-new-privs",
        "--",
    ]
    code = Path(hostile.__file__).read_text()
    return subprocess.Popen([*drop, PYTHON, "-c", code, str(made.layout.root), str(made.outside)], cwd="/")


def main(name: str, seconds: float) -> dict[str, object]:
    done, said = 0, Counter[str]()
    unclear: list[str] = []
    with stage() as made:
        before = made.canaries()
        hostile_process = attacker(made)
        try:
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
            is_alive = hostile_process.poll() is None
        finally:
            hostile_process.kill()
            hostile_process.wait()
        changed = [path for path, found in made.canaries().items() if before.get(path) != found]
        return {
            "done": done, "failed": said.total(), "said": said.most_common(8), "unclear": unclear[:3],
            "alive": is_alive, "changed": changed, "leaks": made.leaks(),
        }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]))))
