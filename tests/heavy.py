"""A home with as much as there is on real machines: 60 versions of 500 packages, 20 kernels, a long log, 30 machines.

    python -m tests.heavy

Fills the home that the environment names, prepares the static files, and prints as JSON an admin's session and the
names that lead to pages.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

MACHINES, EACH, KERNELS, PACKAGES, LINES = 4, 60, 20, 500, 5000


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dlstackweb.settings")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from stacks.embedded.home import prepare_home

    prepare_home(settings.DLSTACK)
    call_command("migrate", verbosity=0)
    if settings.STATIC_ROOT:
        call_command("collectstatic", verbosity=0, interactive=False)
    print(json.dumps(filled()))


def filled() -> dict[str, Any]:
    """Write the rows; give what leads to them."""
    from django.conf import settings
    from django.test import Client

    from stacks.models import Joining
    from tests import many

    many.PER_ENVIRONMENT = PACKAGES
    made = many.Many(Path(settings.DLSTACK.home) / "many", machines=MACHINES, versions=MACHINES * EACH, operations=1500)
    _more(made)
    client = Client()
    client.force_login(made.admin)
    return {
        "session": client.cookies[settings.SESSION_COOKIE_NAME].value, "person": made.people[0].pk, "token": 1,
        "name": made.machines[0].name, "version": f"v{EACH - 1}", "kernel": "kernel-1", "recipe": "recipe-1",
        "pk": _logged(made), "rollout": made.rollouts[0], "schedule": made.schedules[0],
        "window": made.windows[0], "joining": Joining.objects.latest("pk").pk,
    }  # fmt: skip


def _more(made: Any) -> None:
    """Add kernels to every version, machines to the dashboard, and lines to a recipe."""
    from kernels.models import Inventory
    from stacks.models import Machine, RecipeRevision, Version
    from tests.believable import elsewhere

    specs = [
        {
            "name": f"kernel-{n}",
            "display_name": f"Python 3 (survey {n})",
            "language": "python",
            "environment": "anaconda3",
        }
        for n in range(KERNELS)
    ]
    Version.objects.update(kernelspecs=specs)
    problem = {"code": "x", "message": "The backing link names another version.", "action": "Deploy it again."}
    seen = elsewhere("/data0", "2026-11-20", problem)
    Machine.objects.bulk_create(
        Machine(name=f"gp{n:02}", root="/data0", observed=seen, observed_at=made.now) for n in range(26)
    )
    told = {
        "argv": ["python"], "uid": 899, "source": "environment", "library": "absent", "pinned": True, "wins": True,
        "interpreter": "/data0/sw/anaconda3/bin/python3", "interpreter_version": "3.12.1", "state": "ok", "code": "",
        "directory": "/data0/sw/anaconda3/share", "findings": [], "packages": {"numpy": "2.3.3"}, "logos": [],
    }  # fmt: skip
    kernels = [{**spec, **told} for spec in specs]
    machine = made.machines[0]
    Inventory.objects.create(
        machine=machine, version=f"v{EACH}", live=True, taken_at=made.now, kernels=kernels, library=kernels
    )
    last = RecipeRevision.objects.filter(recipe__name="recipe-1").latest("number")
    lines = "".join(f"# package number {n} is here for the notebooks of survey {n % 7}\n" for n in range(400))
    RecipeRevision.objects.create(recipe=last.recipe, number=last.number + 1, text=last.text + lines)


def _logged(made: Any) -> int:
    from tests.seed import write_log

    failed = next(one for one in made.operations if one.kind == "build" and one.state == "failed")
    write_log(failed, LINES)
    return int(failed.pk)


if __name__ == "__main__":
    main()
