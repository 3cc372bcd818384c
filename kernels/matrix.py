"""The matrix: kernels × what is live on each machine, its library, and chosen versions, in few queries."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from kernels import latest, parsed, seen
from stacks.models import Machine, Version
from stacks.standing import Standing, standing

Where = Literal["live", "previous", "version", "library"]
STATES: tuple[latest.State, ...] = ("ok", "failed", "unchecked")
ONLY = {
    "not-live": "In the library, not live",
    "not-in-library": "Live, not in the library",
    "differs": "Different between machines",
    "changed": "Different between active and previous",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One place where kernels are: a version of a machine, in the role of `where`, or its library."""

    machine: Machine
    where: Where
    version: str = ""

    @property
    def title(self) -> str:
        """What stands above it."""
        return "library" if self.where == "library" else self.version or "nothing"


class Cell(NamedTuple):  # of which a page makes thousands
    """One kernel in one place: what it says there, and how it is, as `latest.Verdict` tells it."""

    display_name: str
    language: str
    environment: str
    state: latest.State = "unchecked"
    depth: str = ""
    code: str = ""
    reason: str = ""
    seconds: float | None = None
    checked_at: datetime | None = None

    @property
    def likeness(self) -> tuple[str, str, str, str]:
        """What two machines must share to be alike; a kernel that was not checked is like one that is well."""
        return (self.display_name, self.language, self.environment, self.code)


@dataclass(frozen=True, slots=True)
class Row:
    """One kernel by its name, with a cell for each column, None where it is not there."""

    name: str
    cells: list[tuple[Column, Cell | None]]

    def of(self, *where: Where) -> list[Cell | None]:
        """Give the cells of the columns in these roles."""
        return [cell for column, cell in self.cells if column.where in where]

    @property
    def languages(self) -> set[str]:
        """Its languages, in small letters."""
        return {cell.language.lower() for _, cell in self.cells if cell}

    @property
    def states(self) -> set[str]:
        """How it is, anywhere."""
        return {cell.state for column, cell in self.cells if cell and column.where != "library"}


@dataclass(frozen=True)
class Asked:
    """What is wanted: machines, further versions by name, and what rows must be like ("" for any)."""

    machines: Collection[str] = ()
    versions: Collection[str] = ()
    state: str = ""
    language: str = ""
    only: str = ""

    @property
    def judges(self) -> bool:
        """Tell whether a kernel passes or not by what checks of it came to."""
        return bool(self.state) or self.only in {"differs", "changed"}

    @property
    def narrows_rows(self) -> bool:
        """Tell whether a kernel passes or not by what it is on any machine."""
        return bool(self.state or self.language or self.only)


@dataclass(frozen=True)
class Matrix:
    """The table: columns, and the rows that pass."""

    columns: list[Column]
    rows: list[Row]
    languages: list[str] = field(default_factory=list)


def build(asked: Asked, shown: Collection[str] = ()) -> Matrix:
    """Read the matrix in a number of queries that grows neither with kernels, versions nor machines.

    `shown` names the machines of which columns are wanted, if not all: rows pass by what is on every machine.
    """
    machines = standing(asked.machines or (() if asked.narrows_rows else shown))
    versions = _versions(machines, asked.versions)
    libraries = seen.libraries([item.machine for item in machines])
    columns = list(_columns(machines, versions, libraries))
    names = {column.version for column in columns if column.version}
    judged = {item.machine.pk for item in machines if asked.judges or not shown or item.machine.name in shown}
    verdicts = latest.verdicts(judged, names)
    cells: dict[str, dict[int, Cell]] = {}
    for place, column in enumerate(columns):
        for name, cell in _cells(column, versions, libraries, verdicts):
            cells.setdefault(name, {})[place] = cell
    placed = list(enumerate(columns))
    rows = [Row(name, [(column, found.get(at)) for at, column in placed]) for name, found in sorted(cells.items())]
    languages = sorted({language for row in rows for language in row.languages if language})
    found = Matrix(columns, [row for row in rows if _passes(row, asked)], languages)
    return _part(found, shown) if shown else found


def _part(whole: Matrix, shown: Collection[str]) -> Matrix:
    at = [place for place, column in enumerate(whole.columns) if column.machine.name in shown]
    rows = [Row(row.name, [row.cells[place] for place in at]) for row in whole.rows]
    return Matrix([whole.columns[place] for place in at], rows, whole.languages)


Libraries = dict[int, seen.Documents]
Specs = list[tuple[str, str, str, str]]  # of each kernel its name, display name, language, environment
Versions = dict[int, dict[str, Specs]]  # kernelspecs by machine and name
UNCHECKED = latest.Verdict()


def _versions(machines: Collection[Standing], chosen: Collection[str]) -> Versions:
    """Give of each machine what is live, what a revert would put back, and what was chosen, in that order."""
    first = {item.machine.pk: [name for name in (item.active, item.previous) if name] for item in machines}
    names = {*chosen, *(name for listed in first.values() for name in listed)}
    rows = Version.objects.filter(machine__in=first, name__in=names, removed_at=None).order_by("-generation")
    found: Versions = {pk: {} for pk in first}
    for machine, name, specs in rows.values_list("machine", "name", parsed.text_of("kernelspecs")):
        found[machine][name] = _specs(specs)
    return {
        pk: {name: known[name] for name in dict.fromkeys([*first[pk], *chosen]) if name in known}
        for pk, known in found.items()
    }


@lru_cache(maxsize=2048)  # nearly all machines have the same, request after request
def _specs(text: str) -> Specs:
    return [
        (str(spec.get("name", "")), str(spec.get("display_name", "")), str(spec.get("language", "")),
         str(spec.get("environment", "")))
        for spec in json.loads(text)
    ]  # fmt: skip


def _columns(machines: Collection[Standing], versions: Versions, libraries: Libraries) -> Iterator[Column]:
    for item in machines:
        machine, active = item.machine, item.active
        yield Column(machine, "live", active)
        for name in versions[machine.pk]:
            if name != active:
                yield Column(machine, "previous" if name == item.previous else "version", name)
        if machine.pk in libraries:
            yield Column(machine, "library")


def _cells(
    column: Column,
    versions: Versions,
    libraries: Libraries,
    verdicts: latest.Verdicts,
) -> Iterator[tuple[str, Cell]]:
    if column.where == "library":
        for item in libraries[column.machine.pk]:
            yield item["name"], _of_library(item)
        return
    machine, version = column.machine.pk, column.version
    for name, title, language, environment in versions[machine].get(version, ()):
        verdict = verdicts.get((machine, version, environment, name), UNCHECKED)
        yield name, Cell(title, language, environment, *verdict)


def _of_library(item: dict[str, Any]) -> Cell:
    wrong = next((finding for finding in item["findings"] if finding["severity"] == "error"), None)
    state: latest.State = "failed" if wrong else "ok"
    reason = wrong["message"] if wrong else ""
    return Cell(item["display_name"], item["language"], "", state, "static", item["code"], reason)


def _passes(row: Row, asked: Asked) -> bool:
    if asked.state and asked.state not in row.states:
        return False
    if asked.language and asked.language not in row.languages:
        return False
    return _ONLY[asked.only](row) if asked.only in _ONLY else True


def _is_on_any(row: Row, where: Where) -> bool:
    return any(cell is not None for cell in row.of(where))


def _differs(row: Row) -> bool:
    return len({cell.likeness if cell else None for cell in row.of("live")}) > 1


def _has_changed(row: Row) -> bool:
    previous = {column.machine.pk: cell for column, cell in row.cells if column.where == "previous"}
    live = {column.machine.pk: cell for column, cell in row.cells if column.where == "live"}
    return any(_likeness(live.get(pk)) != _likeness(cell) for pk, cell in previous.items())


def _likeness(cell: Cell | None) -> object:
    return cell.likeness if cell else None


_ONLY: dict[str, Callable[[Row], bool]] = {
    "not-live": lambda row: _is_on_any(row, "library") and not _is_on_any(row, "live"),
    "not-in-library": lambda row: _is_on_any(row, "live") and not _is_on_any(row, "library"),
    "differs": _differs,
    "changed": _has_changed,
}
