"""Reading a bundle: nothing of it is used before all of it is what was written."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.migrations.loader import MigrationLoader

from stacks.bundles import contents
from stacks.engine.errors import Refused

LARGEST_INDEX = 16 * 1024**2  # bytes
PIECE = 1024**2

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Bundle:
    """An open bundle that was found whole, and fit for this program."""

    path: Path
    index: dict[str, Any]
    file: zipfile.ZipFile

    def lines(self, label: str) -> Iterator[str]:
        """Give the rows of a table, one line of JSON each."""
        with self.file.open(contents.member(label)) as raw:
            yield from io.TextIOWrapper(raw, encoding="utf-8", newline="\n")

    def read(self, name: str) -> bytes:
        """Give a file of the home."""
        return self.file.read(name)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(table["rows"] for table in self.index["tables"].values())


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Open a bundle and look at all of it. Raises Refused where it is damaged, or of another DLStack than this one."""
    try:
        file = zipfile.ZipFile(path)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
    except _BROKEN as error:
        raise _damaged(path, error) from None
    with file:
        try:
            index = _index(file)
        except _BROKEN as error:
            raise _damaged(path, error) from None
        _refuse_others(path, index)
        try:
            _check(file, index)
        except (OSError, *_BROKEN) as error:
            raise _damaged(path, error) from None
        yield Bundle(path, index, file)


def _damaged(path: Path, why: Exception) -> Refused:
    return Refused(f"{path} is no bundle of DLStack, or is damaged ({why}): nothing was changed. Take another one.")


def _index(file: zipfile.ZipFile) -> dict[str, Any]:
    if file.getinfo(contents.INDEX).file_size > LARGEST_INDEX:
        raise ValueError("its index is too large")
    index = json.loads(file.read(contents.INDEX))
    if not (isinstance(index, dict) and isinstance(index["format"], int) and isinstance(index["schema"], list)):
        raise zipfile.BadZipFile("its index is another file's")
    return index


def _refuse_others(path: Path, index: dict[str, Any]) -> None:
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or ()}
    made, theirs = index.get("dlstack", "unknown"), set(index["schema"])
    if index["format"] > contents.FORMAT or theirs - known:
        raise Refused(f"{path} was made by a newer DLStack ({made}): upgrade it here, then import.")
    if known - theirs:
        raise Refused(
            f"{path} was made by an older DLStack ({made}): import it with that version, then upgrade. It lacks "
            f"{', '.join(sorted(known - theirs))}."
        )


def _check(file: zipfile.ZipFile, index: dict[str, Any]) -> None:
    tables, files = index["tables"], index["files"]
    if set(tables) != set(contents.tables()) or not set(files) <= set(contents.files()):
        raise ValueError("other tables or files than there should be")
    members = {contents.member(label): told for label, told in tables.items()} | files
    if sorted(file.namelist()) != sorted([*members, contents.INDEX]):
        raise ValueError("members are missing, or too many")
    for name, told in members.items():
        digest, lines = _digest(file, name)
        if digest != told["sha256"] or told.get("rows", lines) != lines:
            raise ValueError(f"{name} is not what was written")


def _digest(file: zipfile.ZipFile, name: str) -> tuple[str, int]:
    digest, lines = hashlib.sha256(), 0
    with file.open(name) as raw:
        while piece := raw.read(PIECE):
            digest.update(piece)
            lines += piece.count(b"\n")
    return digest.hexdigest(), lines
