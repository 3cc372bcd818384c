"""Writing a bundle while everything goes on."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from access import audit
from access.models import AuditEntry
from stacks import compatibility, program
from stacks.bundles import contents
from stacks.engine import durable
from stacks.engine.errors import Refused

CHUNK = 500  # rows that are read at once


def write(path: Path, *, by: User | None) -> dict[str, Any]:
    """Write a bundle of what the database holds at one moment; gives its index.

    It appears whole, readable by its owner alone. Raises Refused, with no file left behind.
    """
    if hindrance := compatibility.hindrance():
        raise Refused(hindrance)
    if os.path.lexists(path):
        raise Refused(f"{path} is there already: name a new file.")
    aside = durable.temporary_name(path)
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            audit.record(AuditEntry.Kind.SETTINGS, f"A bundle of all records was exported to {path}.", by=by)
            index = _fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)  # unlike a rename it never replaces what came there meanwhile
        durable.sync_directory(path.parent)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error}") from error
    finally:
        aside.unlink(missing_ok=True)
    return index


def _fill(file: Any) -> dict[str, Any]:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle, snapshot():
        index = _about()
        for label, model in contents.tables().items():
            index["tables"][label] = _table(bundle, label, model)
        for name, path in contents.files().items():
            if path.is_file():
                data = path.read_bytes()
                bundle.writestr(name, data)
                index["files"][name] = {"sha256": hashlib.sha256(data).hexdigest()}
        bundle.writestr(contents.INDEX, json.dumps(index, indent=1, ensure_ascii=False))
    return index


def _about() -> dict[str, Any]:
    return {
        "format": contents.FORMAT, "dlstack": program.version(), "made_at": timezone.now().isoformat(),
        "database": connection.vendor, "schema": contents.schema(), "settings": settings.DLSTACK.told,
        "tables": {}, "files": {},
    }  # fmt: skip


def _table(bundle: zipfile.ZipFile, label: str, model: contents.Model) -> dict[str, Any]:
    with bundle.open(contents.member(label), "w", force_zip64=True) as raw:
        lines = _Lines(raw)
        contents.serialize(contents.rows(model).iterator(chunk_size=CHUNK), lines)
        return {"rows": lines.count, "sha256": lines.digest.hexdigest()}


class _Lines(io.TextIOBase):
    """Takes text, and counts and digests the lines that it passes on."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.count, self.digest = 0, hashlib.sha256()

    def write(self, text: str) -> int:
        """Take some text."""
        data = text.encode()
        self.count += data.count(b"\n")
        self.digest.update(data)
        self._raw.write(data)
        return len(text)


@contextmanager
def snapshot() -> Iterator[None]:
    """Let all that is read be of one moment, and no writer wait for it."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        return
    # Django's own transactions are immediate here (settings), and would keep writers out for as long as this takes.
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
