"""Every bench, one after another, in one table.

    make bench              (python -m bench [--quick] [--compare] [NAME …])

Each runs in a process of its own, with a home of its own below the temporary directory. The figures are kept in
docs/figures/, with a picture; with --compare they are only held against what is kept there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import chart, curves, kept
from bench.figures import Figure, Table, head, line

BENCHES = ("log", "pages", "stacks", "growth")
KEPT = Path(__file__).parents[1] / "docs" / "figures"
GROWS = {  # the charts: what each shows, and what grows in it
    "imports": ("Import of the stack by processes that begin at once, the last of them", "processes"),
    "files": ("Two versions that differ in every fiftieth file", "files of a version"),
    "versions": ("One machine with versions of 3,000 files", "versions"),
    "machines": ("Pages, time of the server's processor", "machines"),
}
Found = dict[str, list[Figure] | None]


def main() -> None:
    asked = arguments()
    began, about = time.monotonic(), kept.machine()
    print(head())
    found = {name: measured(name, quick=asked.quick) for name in asked.names or BENCHES}
    whole = kept.Run(
        {name: figures for name, figures in found.items() if figures is not None},
        {"quick": asked.quick, "seconds": round(time.monotonic() - began), "machine": about},
    )
    place = KEPT / ("quick.json" if asked.quick else "bench.json")
    print("", *summary(found), *(compared(place, whole) if asked.compare else ()), sep="\n")
    if not asked.compare and len(whole.benches) == len(found):
        keep(place, whole)
    sys.exit(len(whole.benches) < len(found))


def keep(place: Path, run: kept.Run) -> None:
    """Keep a run and its pictures; what other benches found before stays beside it."""
    before = kept.read(place).benches if place.exists() else {}
    benches = {name: found for name in BENCHES if (found := run.benches.get(name, before.get(name))) is not None}
    kept.write(place, kept.Run(benches, run.about))
    figures = [figure for listed in benches.values() for figure in listed]
    place.with_suffix(".svg").write_text(chart.draw(figures))
    if place.name == "bench.json":
        for name, lines in curves.charts(figures).items():
            (place.parent / f"{name}.svg").write_text(curves.draw(lines, *GROWS[name]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="less of everything, fewer repeats: three minutes")
    parser.add_argument("--compare", action="store_true", help="say what got worse against the kept run; keep nothing")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHES):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    return asked


def measured(name: str, *, quick: bool) -> list[Figure] | None:
    """Run one bench and give its figures; None when it failed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dlstack-bench-") as place:
        file = Path(place) / "figures.json"
        flags = ["--no-head", "--json", str(file), *(["--quick"] if quick else [])]
        ended = subprocess.run([sys.executable, "-m", f"bench.{name}", *flags], check=False)
        print(f"({name}: {time.monotonic() - began:.0f} s)", flush=True)
        return None if ended.returncode else Table.read(file)


def summary(found: Found) -> list[str]:
    """Say how it went."""
    goals = [figure for figures in found.values() for figure in figures or () if figure.met is not None]
    missed = [f"Missed: {line(figure).strip()}" for figure in goals if not figure.met]
    failed = [f"Failed to run: {name}" for name, figures in found.items() if figures is None]
    return [f"{len(goals) - len(missed)} of {len(goals)} goals met.", *missed, *failed]


def compared(place: Path, now: kept.Run) -> list[str]:
    """Say what got worse since what was kept."""
    if not place.exists():
        return [f"There is no {place.name} to compare with: run without --compare first."]
    old = kept.read(place)
    when = old.about["machine"]["at"]
    said = [f"Worse than on {when}: {text}" for text in kept.worse(old.figures, now.figures)]
    return said or [f"No ratio is worse than on {when} by more than its spread."]


if __name__ == "__main__":
    main()
