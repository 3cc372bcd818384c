"""Every change by anyone, newest first: what the sources know, merged a page at a time.

A source is one table. A page reads of each only the rows after the last entry of the page before, so that it costs the
same however much there is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from stacks.marks import COMMAND_LINE

LOOKED_THROUGH = 10_000  # rows of one table that one page looks through for a text


class Cursor(NamedTuple):
    """The place of an entry among all: they are ordered by it, descending."""

    at: datetime
    source: str
    key: int

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """Read what `str` wrote; None for what is no cursor."""
        at, _, rest = text.partition("~")
        source, _, key = rest.partition("~")
        try:
            when = datetime.fromisoformat(at)
            return cls(when, source, int(key)) if when.tzinfo else None
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.source}~{self.key}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: who did what where, why, and how it ended; `address` leads to it."""

    at: datetime
    machine: str
    who: str
    kind: str
    what: str
    why: str = ""
    outcome: str = ""
    address: str = ""
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What to narrow to; "" narrows nothing."""

    text: str = ""
    machine: str = ""
    who: str = ""
    kind: str = ""


class Span(NamedTuple):
    """A part of all entries: those after one place, as far back as another, which is the last of it."""

    after: Cursor | None = None
    until: Cursor | None = None


EVERYTHING = Span()


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries; `older` is where the next page begins, `until` how far back was looked where more lies behind."""

    entries: list[Entry]
    older: Cursor | None
    until: datetime | None = None


WITHIN = "->"  # between the name of a field that holds JSON and a key of that


def _is_bare(text: str) -> bool:
    """Tell whether a text is spelled in JSON as it is."""
    return json.dumps(text) == f'"{text}"'


@dataclass(frozen=True)
class Source:
    """One table: `rows` gives all of it, `entry` words one row; the rest names its fields.

    `machine` and `kind` are "" where it has no such field; `kinds` lists all that it can have. With `plain`, `who` and
    `machine` hold the names themselves.
    """

    name: str
    rows: Callable[[], QuerySet[Any]]
    entry: Callable[[Any], Entry]
    kinds: tuple[str, ...]
    at: str
    who: str
    text: tuple[str, ...]
    machine: str = "machine"
    kind: str = ""
    plain: bool = False

    def page(self, asked: Asked, span: Span, count: int) -> list[tuple[Cursor, Any]]:
        """Give the newest rows that pass and lie in a span, in one query or none."""
        if not self._may_hold(asked):
            return []
        found = self._within(self._narrowed(asked), span)
        # Keys alone first, or whole rows with all that they name would be sorted.
        rows = self.rows().filter(pk__in=found.order_by(*self._newest).values("pk")[:count]).order_by(*self._newest)
        return [(Cursor(getattr(row, self.at), self.name, row.pk), row) for row in rows]

    def horizon(self, asked: Asked, after: Cursor | None) -> Cursor | None:
        """Give the last place of as many rows as one page looks through for a text, None where there are fewer."""
        if not self._may_hold(asked):
            return None
        found = self._within(self._narrowed(replace(asked, text="")), Span(after)).order_by(*self._newest)
        places = found.values_list(self.at, "pk")[LOOKED_THROUGH - 1 : LOOKED_THROUGH]
        return next((Cursor(at, self.name, key) for at, key in places), None)

    @property
    def _newest(self) -> tuple[str, str]:
        return f"-{self.at}", "-pk"

    def _may_hold(self, asked: Asked) -> bool:
        return (not asked.kind or asked.kind in self.kinds) and bool(not asked.machine or self.machine)

    def _within(self, found: QuerySet[Any], span: Span) -> QuerySet[Any]:
        if span.after is not None:
            found = found.filter(self._after(span.after))
        return found if span.until is None else found.filter(**{f"{self.at}__gte": span.until.at})

    def _narrowed(self, asked: Asked) -> QuerySet[Any]:
        found = self.rows()
        if asked.machine:
            found = found.filter(**{self.machine if self.plain else f"{self.machine}__name": asked.machine})
        if asked.kind and self.kind:
            found = found.filter(**{self.kind: asked.kind})
        if asked.who:
            found = found.filter(self._by(asked.who))
        return found.alias(**self._documents()).filter(self._saying(asked.text)) if asked.text else found

    def _saying(self, text: str) -> Q:
        return Q(*(self._holding(name, text) for name in self.text), _connector=Q.OR)

    def _holding(self, name: str, text: str) -> Q:
        if name == self.kind:
            return Q(**{f"{name}__in": [kind for kind in self.kinds if text.lower() in kind.lower()]})
        document, _, key = name.partition(WITHIN)
        if not key:
            return Q(**{f"{name}__icontains": text})
        # To read JSON in each of many thousand rows takes most of the time: its bare text tells first.
        bare = Q(**{f"{document}_text__icontains": text}) if _is_bare(text) else Q()
        return bare & Q(**{f"{document}__{key}__icontains": text})

    def _documents(self) -> dict[str, Cast]:
        names = {name.partition(WITHIN)[0] for name in self.text if WITHIN in name}
        return {f"{name}_text": Cast(name, TextField()) for name in names}

    def _by(self, who: str) -> Q:
        if self.plain:
            return Q(**{f"{self.who}__icontains": who})
        nobody = Q(**{f"{self.who}__isnull": True}) if who == COMMAND_LINE else Q(pk__in=())
        return Q(**{f"{self.who}__username__icontains": who}) | nobody

    def _after(self, place: Cursor) -> Q:
        earlier, until = Q(**{f"{self.at}__lt": place.at}), Q(**{f"{self.at}__lte": place.at})
        if self.name == place.source:
            return until & (earlier | Q(pk__lt=place.key))  # the first part is what an index serves
        return until if self.name < place.source else earlier


_sources: dict[str, Source] = {}


def add_source(source: Source) -> None:
    """List one more table."""
    _sources[source.name] = source


def kinds() -> list[str]:
    """Name every kind of entry that there can be."""
    return sorted({kind for source in _sources.values() for kind in source.kinds})


def page(asked: Asked, *, after: Cursor | None = None, count: int) -> Page:
    """Give the newest entries that pass, after a place; for a text no more than so many rows are looked through.

    Else the page would take the longer the more there is, where hardly anything passes.
    """
    until = _horizon(asked, after) if asked.text else None
    found = entries(asked, span=Span(after, until), count=count + 1)
    if len(found) > count:
        return Page(found[:count], found[count - 1].cursor)
    return Page(found, until, until.at if until else None)


def entries(asked: Asked, *, span: Span = EVERYTHING, count: int) -> list[Entry]:
    """Give the newest entries that pass and lie in a span: one query for each source."""
    pages = [(source, place, row) for source in _sources.values() for place, row in source.page(asked, span, count)]
    inside = [item for item in pages if span.until is None or item[1] >= span.until]
    newest = sorted(inside, key=lambda item: item[1], reverse=True)[:count]
    return [replace(source.entry(row), cursor=place) for source, place, row in newest]


def _horizon(asked: Asked, after: Cursor | None) -> Cursor | None:
    places = (source.horizon(asked, after) for source in _sources.values())
    return max((place for place in places if place is not None), default=None)
