"""Reading a table of plain values field by field, with errors that say where and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stacks.engine.errors import Refused

Lines = Mapping[tuple[str, str], int]


class Fields:
    """One table; `where` is its place in the document, `lines` the line of each (place, field).

    Every reader raises Refused for a value that does not fit.
    """

    def __init__(self, table: dict[str, Any], where: str, lines: Lines | None = None) -> None:
        self._table = table
        self._where = where
        self._lines = lines or {}
        self._read: set[str] = set()

    def refused(self, key: str, problem: str) -> Refused:
        """Make the error that names the place, the line and the field; `problem` goes on after the field's name."""
        line = self._line(key)
        place = f"{self._where}, line {line}" if line else self._where
        return Refused(f"{place}: “{key}” {problem}")

    def _line(self, key: str) -> int | None:
        """Find the line of a field, of a table that is written in one line that of the field which it is."""
        where = self._where
        while where:
            if line := self._lines.get((where, key)) or self._lines.get((where, "")):
                return line
            where, _, key = where.rpartition(".")
        return None

    def _get(self, key: str, kind: type, default: Any) -> Any:
        self._read.add(key)
        if key not in self._table:
            if default is None:
                raise self.refused(key, "is missing.")
            return default
        value = self._table[key]
        if not isinstance(value, kind):
            raise self.refused(key, f"must be a {_WORDS[kind]}, not {value!r}.")
        return value

    def text(
        self, key: str, *, default: str | None = None, pattern: re.Pattern[str] | None = None, allowed: str = ""
    ) -> str:
        """Read a string; without a default it must be there, not empty, and match the whole pattern.

        `allowed` says the pattern in words.
        """
        value = str(self._get(key, str, default))
        if default is None and not value.strip():
            raise self.refused(key, "is empty.")
        if pattern and value and not pattern.fullmatch(value):
            raise self.refused(key, f"is “{value}”; allowed is {allowed or pattern.pattern}.")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Read a boolean, `default` when it is not there."""
        return bool(self._get(key, bool, default))

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Read one of the allowed strings."""
        value = self.text(key)
        if value not in allowed:
            raise self.refused(key, f"is “{value}”; allowed is {', '.join(allowed)}.")
        return value

    def texts(
        self, key: str, *, pattern: re.Pattern[str] | None = None, allowed: str = "", options: bool = False
    ) -> tuple[str, ...]:
        """Read a list of strings, empty when it is not there; none may break the line.

        One that begins with a hyphen is refused unless the list is meant for `options`.
        """
        values = self._get(key, list, [])
        for value in values:
            if not isinstance(value, str) or not value.strip():
                raise self.refused(key, f"must be a list of strings, not {value!r}.")
            if not value.isprintable():
                raise self.refused(key, f"has {value!r}, which breaks the line: remove it.")
            if value.lstrip().startswith("-") and not options:
                raise self.refused(key, f"has “{value}”, which would be read as an option: remove it.")
            if pattern and not pattern.fullmatch(value):
                raise self.refused(key, f"has “{value}”; allowed is {allowed or pattern.pattern}.")
        return tuple(values)

    def words(self, key: str) -> tuple[str, ...]:
        """Read an argument list: strings of any kind, at least one."""
        values = self._get(key, list, [])
        if not values or not all(isinstance(value, str) and value and "\0" not in value for value in values):
            raise self.refused(key, "must be an argument list such as [“systemctl”, “stop”, “jupyterhub”].")
        return tuple(values)

    def tables(self, key: str, *, at_least: int = 0) -> list[Fields]:
        """Read a list of tables."""
        values = self._get(key, list, [])
        if len(values) < at_least:
            raise Refused(f"{self._where}: at least {at_least} [[{key}]] is needed.")
        return [self._sub(value, f"{key} {number}") for number, value in enumerate(values, 1)]

    def named_tables(self, key: str) -> dict[str, Fields]:
        """Read a table of tables."""
        return {name: self._sub(value, f"{key}.{name}") for name, value in self._get(key, dict, {}).items()}

    def keys_of(self, key: str) -> list[str]:
        """Name the keys of an inner table, none when it is not there."""
        return list(self._get(key, dict, {}))

    def inner(self, key: str) -> Fields:
        """Read an inner table."""
        return self._sub(self._get(key, dict, {}), key)

    def pairs(self, key: str) -> list[tuple[str, str]]:
        """Read an inner table of strings as pairs."""
        inner = self.inner(key)
        return [(name, inner.text(name)) for name in self.keys_of(key)]

    def done(self, *also: str) -> None:
        """Raise Refused when the table has a field that nobody read."""
        for key in self._table:
            if key not in self._read and key not in also:
                raise self.refused(key, f"is not known here; allowed is {', '.join(sorted(self._read))}.")

    def _sub(self, value: Any, where: str) -> Fields:
        if not isinstance(value, dict):
            raise Refused(f"{self._where}: “{where}” must be a table, not {value!r}.")
        return Fields(value, where if self._where == "recipe" else f"{self._where}.{where}", self._lines)


_WORDS: dict[type, str] = {str: "string", bool: "boolean", list: "list", dict: "table"}
