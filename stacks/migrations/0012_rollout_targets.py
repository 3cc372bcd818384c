"""When the operation of a machine in a rollout was submitted, and of which build; the last deploy of each machine."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("stacks", "0011_version_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="rollouttarget",
            name="begun_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="rollouttarget",
            name="manifest",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(fields=["machine", "kind", "-id"], name="operation_by_kind"),
        ),
    ]
