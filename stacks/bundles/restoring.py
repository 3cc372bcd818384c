"""Making an empty database into what a bundle holds."""

from __future__ import annotations

import os

from django.contrib.auth.models import User
from django.core import serializers
from django.core.management import call_command
from django.core.management.color import no_style
from django.core.serializers.base import DeserializationError
from django.db import DataError, IntegrityError, connection, transaction

from access import audit
from access.models import AuditEntry
from stacks import operations, rollouts
from stacks.bundles import contents
from stacks.bundles.reading import Bundle
from stacks.engine import durable
from stacks.engine.errors import Refused

BEFORE = "when the bundle was made from which this database comes"


def restore(bundle: Bundle, *, by: User | None) -> int:
    """Write all rows of a bundle into the database, which must be empty, then its files; gives how many rows.

    What waited or ran then is ended, and moving rollouts are stopped: what was asked for long ago is not begun now.
    Raises Refused, with no row written.
    """
    _refuse_unless_empty()
    call_command("migrate", interactive=False, verbosity=0)
    try:
        with transaction.atomic():
            written = sum(_load(bundle, label) for label in contents.tables())
            connection.check_constraints()
            _reset_sequences()
            _settle()
            said = f"All records were imported from a bundle of {bundle.index['made_at']}, {written} rows."
            audit.record(AuditEntry.Kind.SETTINGS, said, by=by)
    except (DeserializationError, IntegrityError, DataError, UnicodeDecodeError) as error:
        raise Refused(f"{bundle.path} cannot be imported ({error}): no row was written.") from error
    _place_files(bundle)
    return written


def _refuse_unless_empty() -> None:
    there = set(connection.introspection.table_names())
    models = [model for model in contents.tables().values() if model._meta.db_table in there]  # noqa: SLF001
    held = {contents.label_of(model): rows for model in models if (rows := contents.rows(model).count())}
    if held:
        told = ", ".join(f"{rows} in {label}" for label, rows in held.items())
        raise Refused(
            f"The database is not empty ({told}): nothing was changed. Import into one that was never used: another "
            "DLSTACK_HOME, or a new database in DATABASE_URL."
        )


def _load(bundle: Bundle, label: str) -> int:
    rows = 0
    for one in serializers.deserialize("jsonl", bundle.lines(label)):
        if (found := contents.label_of(type(one.object))) != label:
            raise DeserializationError(f"a row of {found} among those of {label}")
        one.save(force_insert=True)
        rows += 1
    return rows


def _reset_sequences() -> None:
    """Let the next row of each table get a number that none has: keys were written, not drawn."""
    statements = connection.ops.sequence_reset_sql(no_style(), list(contents.tables().values()))
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _settle() -> None:
    operations.end_unfinished(f"It was unfinished {BEFORE}: ask for it again.")
    rollouts.stop_all(f"It was under way {BEFORE}: resume or cancel it.")


def _place_files(bundle: Bundle) -> None:
    for name, path in contents.files().items():
        if name in bundle.index["files"] and not os.path.lexists(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.write_bytes(path, bundle.read(name))
