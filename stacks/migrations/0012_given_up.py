"""When the operation of a machine in a rollout was submitted: one that no worker takes is given up."""

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
    ]
