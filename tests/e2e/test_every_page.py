"""Every page in every state: read by everybody, in both themes, wide and on a phone, by keyboard; nothing foreign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser
from pytest_django import DjangoDbBlocker

from stacks.models import Machine
from tests.broker import Broker
from tests.e2e.site import Site, served
from tests.e2e.visits import DOCUMENTS, NOT_VISITED, WORLDS, route, routes, sent_routes
from tests.e2e.walk import Found, Walk
from tests.seed import Seed, write_disk
from tests.states import States

# The mark is what makes pytest-django prepare the database.
# Takes minutes: `make faults` runs it, with what else is long.
pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.django_db]


@pytest.fixture(scope="module")
def site(django_db_setup: None, django_db_blocker: DjangoDbBlocker, valkey: Broker) -> Iterator[Site]:
    with django_db_blocker.unblock(), served(valkey) as running:
        yield running


@pytest.fixture(scope="module", params=WORLDS)
def found(request: pytest.FixtureRequest, site: Site, browser: Browser) -> Iterator[Found]:
    """What a walk through every page of a world has found."""
    walk = Walk(site, browser, world(request.param, site.root))
    try:
        for visit in WORLDS[request.param]:
            walk.visit(visit)
            if not visit.who and visit.status == 200:
                walk.fetch(visit.address, visit.who, **{"HX-Request": "true"})
        if request.param == "seeded":
            for address in DOCUMENTS:
                walk.fetch(address)
        yield walk.found
    finally:
        walk.end()
        site.clear()


def world(name: str, root: Path) -> dict[str, int]:
    """Make what there is to look at, and give the numbers of its operations by their names."""
    root.mkdir()
    if name == "seeded":
        write_disk(root)
        return States(Seed(root)).numbers
    User.objects.create_superuser("alice")
    if name == "fresh":
        Machine.objects.create(name=settings.DLSTACK.machine, root=str(root))
    if name == "damaged":
        Machine.objects.create(name="gp20", root="/data0", observed={"versions": [{}]})
    return {}


def test_axe_finds_nothing(found: Found) -> None:
    assert found.axe == []


def test_nothing_scrolls_sideways(found: Found) -> None:
    assert found.sideways == []


def test_the_focus_is_seen_everywhere(found: Found) -> None:
    assert found.focus == []


def test_pages_answer_as_they_should(found: Found) -> None:
    assert found.answers == []


def test_every_answer_has_the_strict_policy(found: Found) -> None:
    assert found.policy == []


def test_nothing_comes_from_elsewhere_and_scripts_run(found: Found) -> None:
    assert found.foreign == []
    assert found.console == []


def test_every_route_is_visited(admin_client: Client) -> None:
    number = re.compile(r"{\w+}")
    addresses = [visit.address for world in WORLDS.values() for visit in world if visit.status != 404]
    shown = {route(number.sub("1", address)) for address in (*addresses, *DOCUMENTS)}
    missing = {name for name, _ in routes()} - shown - sent_routes(admin_client)
    assert missing == NOT_VISITED.keys()
