"""Web, worker and database of different ages (F29): nothing is run wrongly, and it is said what to upgrade."""

from __future__ import annotations

import base64
import json

import pytest
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from stacks import compatibility, presence, program
from stacks.models import Operation, Worker
from stacks.models.operations import FORMAT
from stacks.operations import doorbell
from tests.broker import Broker
from tests.faults.delivery.conftest import Hosts
from tests.faults.delivery.fleet import Host, ended, state_of
from tests.waiting import until

FIRST_RULED = 6  # the migration from which on old code meets new databases


@pytest.fixture(scope="module")
def host(hosts_on_postgres: Hosts) -> Host:
    made = hosts_on_postgres("m1")
    made.work("build")
    first = made.ask()
    until(lambda: ended(first), within=120)
    return made


def test_the_message_is_a_number(hosts_on_postgres: Hosts, broker: Broker) -> None:
    broker.forgive()  # a test before may have taken it away
    operation = hosts_on_postgres("nobody").ask("print:3")
    [message] = broker.redis.lrange("dlstack:nobody.build", 0, -1)
    arguments, keywords, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
    assert (arguments, keywords) == ([operation.pk], {})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"format": FORMAT + 1},
            "The build was asked for by a newer DLStack (format 2 of parameters, this worker knows 1)",
        ),
        ({"kind": "teleport"}, "The worker of m1 does not know the operation “teleport”"),
    ],
    ids=["parameters", "kind"],
)
def test_what_a_worker_would_misread_it_refuses(host: Host, fields: dict[str, object], said: str) -> None:
    rest = {"machine": host.machine, "kind": "build", "lane": "build", "parameters": {"ran": str(host.ran_file)}}
    operation = Operation.objects.create(**rest | fields)  # as newer code writes it; the sweeper rings
    until(lambda: ended(operation), within=60)
    operation.refresh_from_db()
    assert (operation.state, operation.outcome, operation.pk in host.ran()) == ("failed", {"refused": True}, False)
    assert operation.message == f"{said}: nothing was begun. Upgrade DLStack on m1, start its workers again, and retry."


def test_a_database_that_is_newer_keeps_operations_queued(host: Host) -> None:
    with connection.cursor() as cursor:  # what a migration of tomorrow may do
        cursor.execute("ALTER TABLE stacks_operation RENAME COLUMN reason TO why")
    newer = MigrationRecorder.Migration.objects.create(app="stacks", name="0999_tomorrow")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stacks_operation (machine_id, kind, lane, state, parameters, steps, outcome, message, why,"
            " created_at, log_lines) VALUES (%s, 'build', 'build', 'queued', %s, '[]', '{}', '', '', now(), 0)"
            " RETURNING id",
            [host.machine.pk, json.dumps({"ran": str(host.ran_file)})],
        )
        operation = Operation(pk=cursor.fetchone()[0], machine=host.machine, lane="build")
    doorbell.ring(operation)
    said = "The database is newer than this DLStack (stacks.0999_tomorrow): upgrade it here and start it again."
    assert compatibility.hindrance() == said
    until(lambda: f"Operation {operation.pk} stays queued: {said}" in host.worker("build").log.read_text(), within=60)
    assert state_of(operation) == "queued"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE stacks_operation RENAME COLUMN why TO reason")
    newer.delete()
    until(lambda: ended(operation), within=60)
    assert (state_of(operation), host.ran()[operation.pk]) == ("succeeded", 1)


def test_a_database_that_is_older_keeps_operations_queued(host: Host) -> None:
    last = MigrationRecorder.Migration.objects.get(app="kernels", name="0001_initial")
    last.delete()
    operation = host.ask()
    said = "The database is older than this DLStack (without kernels.0001_initial): run “dlstack migrate”."
    until(lambda: f"Operation {operation.pk} stays queued: {said}" in host.worker("build").log.read_text(), within=60)
    assert state_of(operation) == "queued"
    last.save(force_insert=True)
    until(lambda: ended(operation), within=60)
    assert host.ran()[operation.pk] == 1


def test_a_worker_of_another_version_is_shown(host: Host) -> None:
    Worker.objects.filter(machine=host.machine).delete()
    presence.note(host.machine, "live")
    Worker.objects.filter(lane="live").update(schema="stacks.0001_initial")
    [problem] = presence.problems([host.machine])[host.machine.pk]
    assert problem["code"] == "worker-version"
    told = f"The live worker of m1 runs another version of DLStack than these pages: {program.version()}, not"
    assert problem["message"].startswith(told)
    Worker.objects.all().delete()


def test_new_columns_can_be_left_out_by_old_code() -> None:
    """Hold the rule for migrations: what is added has a default in the database itself, or may be null."""
    added = [
        (key, operation)
        for key, migration in MigrationLoader(None).disk_migrations.items()
        if key[0] in compatibility.APPS and int(key[1][:4]) >= FIRST_RULED
        for operation in migration.operations
        if isinstance(operation, migrations.AddField)
    ]
    assert added
    assert [key for key, one in added if not (one.field.null or one.field.has_db_default())] == []
