"""The figures of one whole run, as they are kept in a file, and what got worse against it."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.figures import RATIO, Figure, number


@dataclass(frozen=True)
class Run:
    """What a run of all benches found: figures by bench, and where and when that was."""

    benches: dict[str, list[Figure]]
    about: dict[str, Any]

    @property
    def figures(self) -> list[Figure]:
        """All figures."""
        return [figure for listed in self.benches.values() for figure in listed]


def write(path: Path, run: Run) -> None:
    """Keep a run."""
    benches = {
        name: [asdict(figure) | {"met": figure.met} for figure in listed] for name, listed in run.benches.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**run.about, "benches": benches}, indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> Run:
    """Read what was kept."""
    about = json.loads(path.read_text())
    return Run({name: list(map(_figure, listed)) for name, listed in about.pop("benches").items()}, about)


def _figure(told: dict[str, Any]) -> Figure:
    return Figure(**{name: value for name, value in told.items() if name != "met"})


def machine() -> dict[str, Any]:
    """Tell what kind of machine this is, and how busy."""
    return {
        "processors": os.cpu_count(), "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.platform(), "python": platform.python_version(), "load_at_begin": os.getloadavg(),
        "at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }  # fmt: skip


def _processor() -> str:
    names = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]  # fmt: skip
    return names[0] if names else platform.machine()


def worse(before: Sequence[Figure], now: Sequence[Figure]) -> Iterator[str]:
    """Say which ratio got worse by more than the spread of either run, and which goal is no longer met."""
    found = {figure.what: figure for figure in now}
    for old in before:
        new = found.get(old.what)
        if new is None or not old.goal:
            continue
        loss = (new.median - old.median) * (-1 if old.sign == "≥" else 1)
        if old.unit == RATIO and loss > max(figure.most - figure.least for figure in (old, new)):
            yield f"{old.what}: {number(old.median)} → {number(new.median)}, which is more than its spread."
        elif old.met and not new.met:
            yield f"{old.what}: the goal {old.goal} {old.unit} was met and is not: {number(new.median)}."
