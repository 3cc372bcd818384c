"""The number of queries of each page is small, and the same for few and for many machines, versions and operations."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from stacks.models import Activation, Machine, Operation, Recipe, Version
from tests.many import Many
from tests.stacks.views.conftest import signed_in

pytestmark = pytest.mark.django_db
PAGES = (
    *("/", "/?only=problems", "/machines/m001/", "/machines/m001/?sort=-size", "/machines/m001/build/?recipe=recipe-1"),
    *("/machines/m001/settings/", "/machines/m001/versions/v3/?against=v2&q=pack", "/machines/m001/revert/"),
    *("/machines/m001/deploy/v3/", "/machines/m001/kernels/", "/kernels/", "/operations/?who=user3"),
    *("/recipes/", "/recipes/recipe-1/", "/recipes/recipe-1/edit/", "/releases/m001/", "/releases/m001/v3/"),
    *("/releases/m001/atom.xml", "/glossary/"),
)
MOST = 15


def queries(client: Client, page: str, counting: DjangoAssertNumQueries) -> int:
    with counting(100) as asked:
        assert client.get(page).status_code == 200
    return len(asked.captured_queries)


def test_queries_do_not_grow(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    counted = []
    for scale in (1, 3):
        many = Many(machines=10 * scale, versions=50 * scale * scale, operations=400 * scale)
        client = signed_in(many.admin)
        counted.append({page: queries(client, page, django_assert_max_num_queries) for page in PAGES})
        for rows in (Activation, Version, Operation, Machine):
            rows.objects.all().delete()
        _forget(many)
    few, much = counted
    assert few == much
    assert {page: number for page, number in much.items() if number > MOST} == {}


def _forget(many: Many) -> None:
    for recipe in Recipe.objects.all():
        recipe.revisions.all().delete()
        recipe.delete()
    for person in (*many.people, many.admin):
        person.delete()
