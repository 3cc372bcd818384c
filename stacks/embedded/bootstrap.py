"""First-time set-up of a home: database, the machine of this host, shipped recipes, the first admin."""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from dlstackweb.environment import Environment
from stacks.embedded.home import locked, prepare_home
from stacks.engine import owner as owners
from stacks.engine import ramdisk, reserve
from stacks.engine.layout import Layout

ADMIN = "admin"


def bootstrap(*, tell: Callable[[str], object] | None = None) -> None:
    """Bring the home to where DLStack can run: repeatable, quick when nothing is missing. Raises Refused."""
    environment: Environment = settings.DLSTACK
    prepare_home(environment)
    with locked(environment, "bootstrap"):
        layout = Layout(environment.root)
        ramdisk.prepare(layout, owners.resolve(environment.owner))
        for place in (layout.state, environment.home):
            reserve.keep(place, environment.reserve)
        _migrate(tell or sys.stderr.write)
        _register(environment)
        _fill()


def prepare_control_plane(*, tell: Callable[[str], object]) -> None:
    """Bring a database that web and beat share to where they can run; no machine is touched. Repeatable."""
    environment: Environment = settings.DLSTACK
    prepare_home(environment)
    with locked(environment, "bootstrap"):
        _migrate(tell)
        _fill()
        if environment.production:
            call_command("collectstatic", interactive=False, verbosity=0)


def sign_in_address(address: str) -> str:
    """Make a link to the site at `address` that signs the admin in, once and within SESAME_MAX_AGE.

    Raises Refused where the account was closed.
    """
    from access import accounts

    return accounts.link(user=User.objects.get(username=ADMIN), address=address, by=None)


def _migrate(tell: Callable[[str], object]) -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        tell("Preparing the database …")
        call_command("migrate", interactive=False, verbosity=0)


def _register(environment: Environment) -> None:
    from stacks.models import Machine

    here = {"root": str(environment.root), "owner": environment.owner}
    Machine.objects.update_or_create(name=environment.machine, defaults=here)


def _fill() -> None:
    from stacks.recipes import import_shipped

    import_shipped()
    if not User.objects.filter(username=ADMIN).exists():
        User.objects.create_superuser(ADMIN)  # without a password: the one-time link signs in
