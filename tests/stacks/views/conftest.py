"""Clients of the cast, and operations to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from stacks.models import Machine, Operation
from tests.conftest import People

Make = Callable[..., Operation]


@pytest.fixture
def stranger(people: People) -> Client:
    return Client()


@pytest.fixture
def as_viewer(people: People) -> Client:
    return signed_in(people.viewer)


@pytest.fixture
def as_operator(people: People) -> Client:
    return signed_in(people.operator)


@pytest.fixture
def as_admin(people: People) -> Client:
    return signed_in(people.admin)


@pytest.fixture
def operation(people: People, machine: Machine) -> Make:
    """Make an operation in any state."""

    def make(state: str = "failed", kind: str = "build", **fields: Any) -> Operation:
        now = timezone.now()
        fields.setdefault("requested_by", people.operator)
        fields.setdefault("parameters", {"version": "a"})
        fields.setdefault("machine", machine)
        ends = {"finished_at": now} if state in Operation.FINAL else {}
        begins = {"started_at": now, "heartbeat_at": now} if state != "queued" else {}
        lane = "build" if kind == "build" else "live"
        return Operation.objects.create(kind=kind, lane=lane, state=state, **begins, **ends, **fields)

    return make


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client
