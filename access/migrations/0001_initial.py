from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

KINDS = (
    "sign-in", "sign-out", "sign-in-failed", "throttled", "proof", "person", "token", "refused", "operation", "cancel",
    "event", "recipe", "library", "settings", "label",
)  # fmt: skip
ROLES = ("viewer", "operator", "admin")
REFUSAL = "The audit trail is never changed."
TRIGGERS = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON access_auditentry BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        f"CREATE FUNCTION access_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON access_auditentry FOR EACH ROW EXECUTE FUNCTION access_audit_refuse()",
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON access_auditentry FOR EACH STATEMENT EXECUTE FUNCTION access_audit_refuse()",
    ],
}


def add_triggers(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in TRIGGERS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop_function(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS access_audit_refuse() CASCADE")


class Migration(migrations.Migration):
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                (
                    "kind",
                    models.CharField(choices=[(kind, kind.replace("-", " ").title()) for kind in KINDS], max_length=16),
                ),
                ("who", models.CharField(max_length=200)),
                ("account", models.BigIntegerField(null=True)),
                ("channel", models.CharField(max_length=16)),
                ("address", models.CharField(blank=True, max_length=100)),
                ("machine", models.CharField(blank=True, max_length=63)),
                ("operation", models.BigIntegerField(null=True)),
                ("what", models.TextField()),
                ("old", models.TextField(blank=True)),
                ("new", models.TextField(blank=True)),
                ("previous", models.CharField(max_length=64, unique=True)),
                ("digest", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "access_auditentry",
                "ordering": ("-number",),
                "default_permissions": (),
                "indexes": [models.Index(fields=["-at"], name="audit_by_time")],
            },
        ),
        migrations.RunPython(add_triggers, drop_function),
        # From here on nothing but inserts touches the table: neither flush nor a later migration.
        migrations.AlterModelOptions(
            name="auditentry", options={"managed": False, "ordering": ("-number",), "default_permissions": ()}
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "session_key",
                    models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key"),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("account", models.BigIntegerField(db_index=True, null=True)),
            ],
            options={"verbose_name": "session"},
        ),
        migrations.CreateModel(
            name="SignInTry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account", models.CharField(max_length=64)),
                ("address", models.CharField(max_length=45)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ("id",),
                "indexes": [
                    models.Index(fields=["account", "at"], name="try_by_account"),
                    models.Index(fields=["address", "at"], name="try_by_address"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Token",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("prefix", models.CharField(max_length=12, unique=True)),
                ("digest", models.CharField(max_length=64)),
                ("role", models.CharField(choices=[(role, role.title()) for role in ROLES], max_length=16)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                ("used_from", models.CharField(blank=True, max_length=45)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tokens", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ("-id",)},
        ),
    ]
