"""Reading a table of plain values field by field, with errors that say where and what is allowed."""

from __future__ import annotations

import re
from typing import Any

from stacks.engine.errors import Refused


class Fields:
    """One table; `where` is its place in the document. Every reader raises Refused for a value that does not fit."""

    def __init__(self, table: dict[str, Any], where: str) -> None:
        self._table = table
        self._where = where
        self._read: set[str] = set()

    def _get(self, key: str, kind: type, default: Any) -> Any:
        self._read.add(key)
        if key not in self._table:
            if default is None:
                raise Refused(f"{self._where}: “{key}” is missing.")
            return default
        value = self._table[key]
        if not isinstance(value, kind):
            raise Refused(f"{self._where}: “{key}” must be a {_WORDS[kind]}, not {value!r}.")
        return value

    def text(self, key: str, *, default: str | None = None, pattern: re.Pattern[str] | None = None) -> str:
        """Read a string; without a default it must be there, not empty, and match the whole pattern."""
        value = str(self._get(key, str, default))
        if default is None and not value.strip():
            raise Refused(f"{self._where}: “{key}” is empty.")
        if pattern and value and not pattern.fullmatch(value):
            raise Refused(f"{self._where}: “{key}” is “{value}”; allowed is {pattern.pattern}.")
        return value

    def flag(self, key: str) -> bool:
        """Read a boolean that is false when it is not there."""
        return bool(self._get(key, bool, False))

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Read one of the allowed strings."""
        value = self.text(key)
        if value not in allowed:
            raise Refused(f"{self._where}: “{key}” is “{value}”; allowed is {', '.join(allowed)}.")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of strings, empty when it is not there; none may begin with a hyphen or break the line."""
        values = self._get(key, list, [])
        for value in values:
            if not isinstance(value, str) or not value.strip():
                raise Refused(f"{self._where}: “{key}” must be a list of strings, not {value!r}.")
            if value.lstrip().startswith("-") or not value.isprintable():
                raise Refused(f"{self._where}: “{value}” in “{key}” would be read as an option: remove it.")
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
                raise Refused(f"{self._where}: “{key}” is not known; allowed is {', '.join(sorted(self._read))}.")

    def _sub(self, value: Any, where: str) -> Fields:
        if not isinstance(value, dict):
            raise Refused(f"{self._where}: “{where}” must be a table, not {value!r}.")
        return Fields(value, where if self._where == "recipe" else f"{self._where}.{where}")


_WORDS: dict[type, str] = {str: "string", bool: "boolean", list: "list", dict: "table"}
