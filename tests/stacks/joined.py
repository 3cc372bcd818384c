"""Control planes that machines can join, without a PostgreSQL: only what machines would be told is looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from stacks import joining
from stacks.models import Joining
from tests.audited import trail_as_before

# Port 1 of this host: nothing answers there.
DATABASE, BROKER = "postgres://dlstack:p$ss'w\"rd`@127.0.0.1:1/dlstack", "redis://:br0ker%40@127.0.0.1:1/0"
SECRETS = (DATABASE, BROKER)


@pytest.fixture
def shared(settings: Settings) -> None:
    """Let the database and the broker be servers."""
    told = {"database_url": DATABASE, "external_redis_url": BROKER}
    settings.DLSTACK = django_settings.DLSTACK.model_copy(update=told)


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """Let requests of other threads see what is written, and leave no trail of it."""
    with trail_as_before():
        yield


def invite(by: User, name: str = "gp13", **described: str) -> tuple[Joining, str]:
    """Make a token for a new machine."""
    return joining.invite(**{"name": name, "root": "/data0", "layout": "resident", "owner": "", **described}, by=by)


def post(text: str, client: Client | None = None, *, look: bool = False, **headers: str) -> tuple[int, dict[str, Any]]:
    """Send a token as a machine does."""
    answer = (client or Client()).post(
        "/api/v1/join", json.dumps({"look": look}), content_type="application/json",
        headers={"Authorization": f"Bearer {text}", **headers},
    )  # fmt: skip
    return answer.status_code, json.loads(answer.content)
