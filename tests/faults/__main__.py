"""Run the whole fault suite and print its figures: python -m tests.faults [--markdown FILE] [what pytest takes]…

Exits as pytest does, and with 1 where a figure missed its goal.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import quick
from tests.faults.conftest import FIGURES, FULL

REPOSITORY = Path(__file__).resolve().parents[2]  # tests.conftest needs Django set up, as pytest does
Rows = list[dict[str, str | bool]]
WALKS = ("tests/access/test_walk.py",)  # every route × who may not, wrong methods, garbage: whole in `make test` too
# What takes longest begins first, so that nothing is waited for in the end.
LONGEST = ("kills", "mutants", "power", "delivery", "owners", "backup", "sweep")
# Files at once: they wait more than they compute; what has a crew for every processor is one file.
AT_ONCE = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", type=Path, help="write the table there too")
    asked, rest = parser.parse_known_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dlstack-figures-") as place:
        file = Path(place) / "figures.jsonl"
        status = run(rest or [*AT_ONCE, *everything()], file)
        rows: Rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    lines = [*table(rows), "", f"{len(rows)} figures in {(time.monotonic() - began) / 60:.1f} minutes"]
    print("\n".join(lines))
    if asked.markdown:
        asked.markdown.write_text("\n".join(lines) + "\n")
    return status or int(not all(row["ok"] for row in rows))


def everything() -> list[str]:
    """Name the parts of this suite, the longest first, and what of the others belongs to it."""
    here = (entry for entry in sorted((REPOSITORY / "tests/faults").iterdir()) if entry.stem not in LONGEST)
    parts = [entry for entry in here if entry.name.startswith("test_") or (entry / "__init__.py").exists()]
    names = [*LONGEST, *(entry.name for entry in parts)]
    return [*long_elsewhere(), *(f"tests/faults/{name}" for name in names), *WALKS]


def long_elsewhere() -> list[str]:
    """Name the files beside this suite with tests that `make test` leaves out."""
    files = (file for file in sorted((REPOSITORY / "tests").rglob("test_*.py")) if "faults" not in file.parts)
    return [str(file.relative_to(REPOSITORY)) for file in files if "pytest.mark.faults" in file.read_text()]


def run(arguments: list[str], figures: Path) -> int:
    """Run pytest with every repeat, and those tests too that `make test` leaves out."""
    command = [sys.executable, "-m", "pytest", "-m", "faults or not faults", "--timeout", "3600", *arguments]
    variables = {**os.environ, FULL: "1", FIGURES: str(figures)}
    with quick.disk() as before:
        return subprocess.run([*before, *command], cwd=REPOSITORY, env=variables, check=False).returncode


def table(rows: Rows) -> list[str]:
    """Lay the figures out as a table of Markdown."""
    lines = ["| what | goal | got | |", "|---|---|---|---|"]
    return lines + [f"| {row['row']} | {row['goal']} | {row['got']} | {'✓' if row['ok'] else '✗'} |" for row in rows]


if __name__ == "__main__":
    sys.exit(main())
