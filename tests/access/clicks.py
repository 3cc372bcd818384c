"""Fifty people click at the same moment: `python -m tests.access.clicks ROUNDS`, on the database of the environment.

Prints one JSON document: for each round how many operations there are and what the answers were.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter
from typing import Any

CLICKS, BROWSERS = 50, 10
ADDRESS = "/machines/gp12/deploy/b/"
CLEAR = r"gp12 is busy: the deploy of b \(#{}, {}\) is (waiting|running) since \d\d:\d\d:\d\d"


def main(rounds: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _machine()
    browsers = [_browser(number) for number in range(BROWSERS)]
    clients = [_tab(*browsers[number % BROWSERS]) for number in range(CLICKS)]
    return {"rounds": [_round(clients) for _ in range(rounds)], "granted": _tries(), **_trail()}


def _machine() -> None:
    import uuid

    from django.utils import timezone

    from stacks.models import Machine, Version

    listed = [{"name": name, "sealed": True, "bytes": 10, "unique_bytes": 1} for name in "ab"]
    seen = {"active": "a", "backing": "a", "resident": ["a", "b"], "versions": listed}
    machine = Machine.objects.create(name="gp12", root="/data0", observed=seen)
    for generation, name in enumerate("ab", 1):
        Version.objects.create(
            machine=machine, name=name, uuid=uuid.uuid4(), generation=generation, files=1, bytes=10, unique_bytes=1,
            manifest_digest="0" * 64, sealed_at=timezone.now(),
        )  # fmt: skip


def _browser(number: int) -> tuple[Any, dict[str, str]]:
    """Sign one of five operators in and open the page, as one does before a click."""
    from django.contrib.auth.models import User
    from django.test import Client

    from access import roles

    user, made = User.objects.get_or_create(username=f"operator{number % 5}")
    if made:
        roles.assign(user, roles.Role.OPERATOR)
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    client.force_login(user)
    page = client.get(ADDRESS).content.decode()
    fields = {name: _field(page, name) for name in ("csrfmiddlewaretoken", "seen", "version")}
    return client, fields


def _tab(browser: Any, fields: dict[str, str]) -> tuple[Any, dict[str, str]]:
    """Open one more tab of a browser: a client is for one thread."""
    from django.test import Client

    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    client.cookies = browser.cookies.copy()
    return client, fields


def _field(page: str, name: str) -> str:
    found = re.search(rf'<form method="post" class="card confirm".*?name="{name}" value="([^"]*)"', page, re.DOTALL)
    assert found is not None, page
    return found[1]


def _round(clients: list[tuple[Any, dict[str, str]]]) -> dict[str, Any]:
    from django.db import connection
    from django.utils import timezone

    from stacks.models import Operation

    started, answers = threading.Barrier(len(clients)), []

    def click(client: Any, fields: dict[str, str]) -> None:
        started.wait()
        began = time.monotonic()
        answer = client.post(ADDRESS, fields)
        answers.append((answer.status_code, answer.content.decode(), time.monotonic() - began))
        connection.close()

    before = Operation.objects.count()
    threads = [threading.Thread(target=click, args=one) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = Operation.objects.select_related("requested_by").latest("pk")
    clear = re.compile(CLEAR.format(made.pk, made.requested_by))
    told = sum(1 for status, page, _ in answers if status == 409 and clear.search(page))
    operations = Operation.objects.count() - before
    Operation.objects.filter(pk=made.pk).update(state="cancelled", finished_at=timezone.now())
    times = sorted(seconds for _, _, seconds in answers)
    statuses = Counter(str(status) for status, _, _ in answers)
    return {"operations": operations, "statuses": statuses, "clear": told, "p95": times[int(len(times) * 0.95) - 1]}


def _tries() -> int:
    """Count how many of fifty tries at once to sign in to one account may look at the password."""
    from django.db import connection

    from access import throttle

    started, granted = threading.Barrier(CLICKS), []

    def attempt(number: int) -> None:
        started.wait()
        granted.append(throttle.ask(account="admin", address=f"192.0.2.{number}").granted)
        connection.close()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(CLICKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(granted)


def _trail() -> dict[str, Any]:
    """Tell whether the trail that all these wrote at once is whole, and whether the database keeps it as it is."""
    from django.db import DatabaseError, connection, transaction

    from access import audit
    from access.models import AuditEntry

    refused = 0
    changes = ["UPDATE access_auditentry SET what = 'x'", "DELETE FROM access_auditentry"]
    if connection.vendor == "postgresql":
        changes.append("TRUNCATE access_auditentry")
    for statement in changes:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        except DatabaseError:
            refused += 1
    verdict = audit.verify()
    asked = AuditEntry.objects.filter(kind="operation").count()
    told = {"wrong": verdict.wrong, "entries": verdict.entries, "asked": asked}
    return {**told, "refused": refused, "changes": len(changes)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))))
