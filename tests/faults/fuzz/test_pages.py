"""Forms, addresses and queries with anything in them: a page, a form error or a refusal; never a server error."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from stacks.engine.layout import check_new_name
from stacks.models import Machine, Operation, RecipeRevision
from tests.conftest import People
from tests.engine.conftest import layout, owner, version
from tests.faults.fuzz.inputs import documents, given_or_refused, heavy, names, texts
from tests.stacks.conftest import Seal, machine, recipe, sealed
from tests.stacks.views.conftest import signed_in

__all__ = ["layout", "machine", "owner", "recipe", "sealed", "version"]
ANSWERS = (200, 204, 301, 302, 303, 400, 403, 404, 405, 409, 413, 422)
FIELDS = {
    "machines/local/build/": ("recipe", "options", "name", "strategy", "kernel_dir", "deploy", "reason"),
    "machines/local/solve/": ("recipe", "options"),
    "machines/local/deploy/a/": ("seen", "reason", "externals", "override_health", "pause"),
    "machines/local/revert/": ("version", "seen", "reason", "externals", "pause"),
    "machines/local/settings/": ("backup_every", "services", "strategy", "public_releases"),
    "machines/local/freeze/": ("reason",),
    "machines/local/incident/": ("version", "seen", "reason"),
    "machines/local/do/prune/": ("keep", "seen", "reason"),
    "machines/local/do/provision/": ("layout", "size", "inodes", "service", "reason"),
    "machines/local/versions/a/label/": ("pinned", "note"),
    "machines/local/versions/a/clear/": ("reason",),
    "machines/local/versions/a/do/remove/": ("seen", "reason"),
    "machines/local/kernels/publish/": ("name", "environment", "display_name", "language", "reason"),
    "machines/local/kernel-spec-add/": ("name", "text", "expected"),
    "kernels/validate": ("name", "text"),
    "recipe-import/": ("text", "note"),
    "recipe-check/": ("text",),
    "recipes/starter/edit/": ("text", "note", "after"),
    "theme/": ("theme", "next"),
    "sign-in/": ("username", "password", "next"),
}
QUERIES = {
    "": ("find", "only", "page", "seen"),
    "machines/local/": ("find", "sort", "show", "seen", "page"),
    "machines/local/versions/a/": ("q", "against", "files"),
    "machines/local/incident/timeline.txt": ("hours",),
    "activity/": ("q", "machine", "kind", "who", "after", "page"),
    "activity.csv": ("q", "machine", "kind", "who"),
    "operations/": ("machine", "state", "kind", "q", "page", "before", "after"),
    "operations/1/": ("line", "q"),
    "operations/1/log": ("from", "to"),
    "operations/1/log/search": ("q", "errors", "from", "after"),
    "operations/1/log.txt": ("times", "view"),
    "kernels/": ("machine", "state", "language", "only", "versions", "page"),
    "recipes/starter/": ("from", "to", "revision", "page"),
}
plain = st.one_of(names, texts, st.sampled_from(("1", "-1", "0", "on", "a", "starter", "9" * 30, "1e5", "null")))
typed = plain.map(lambda text: text.encode(errors="replace").decode())  # a browser sends no half characters


@pytest.fixture
def admin_client(people: People, machine: Machine, recipe: RecipeRevision, sealed: Seal, no_broker: None) -> Client:
    sealed("a")
    Operation.objects.create(
        machine=machine, kind="solve", lane="build", state="succeeded", finished_at=machine.created_at
    )
    return signed_in(people.admin)


def filled(fields: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    value = st.one_of(typed, documents().map(lambda data: data.decode(errors="replace")), st.lists(typed, max_size=3))
    return st.dictionaries(st.sampled_from((*fields, "extra")), value, max_size=len(fields) + 1)


def is_an_answer(answer: HttpResponseBase, address: str) -> None:
    assert answer.status_code in ANSWERS, (address, answer.status_code)
    if answer.streaming and not answer.is_async:  # type: ignore[attr-defined]
        b"".join(answer.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", FIELDS)
def test_forms(admin_client: Client, address: str) -> None:
    @heavy
    @given(filled(FIELDS[address]))
    def submit(values: dict[str, Any]) -> None:
        with transaction.atomic():
            is_an_answer(admin_client.post(f"/{address}", values), address)
            for operation in Operation.objects.filter(state="queued"):
                if asked := operation.parameters.get("version"):
                    assert given_or_refused(check_new_name, asked)
            transaction.set_rollback(True)

    submit()


@pytest.mark.parametrize("address", QUERIES)
def test_queries(admin_client: Client, address: str) -> None:
    @heavy
    @given(filled(QUERIES[address]))
    def ask(values: dict[str, Any]) -> None:
        is_an_answer(admin_client.get(f"/{address}", values), address)

    ask()


@heavy
@given(typed, typed, st.sampled_from(["machines/{}/versions/{}/", "machines/{}/deploy/{}/", "releases/{}/{}/"]))
def test_addresses(admin_client: Client, one: str, other: str, shape: str) -> None:
    for first in (one, "local"):
        address = shape.format(first, other)
        is_an_answer(admin_client.get(f"/{address}"), address)
