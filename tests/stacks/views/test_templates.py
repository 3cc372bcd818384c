"""What holds for all pages: nothing that the content security policy or a browser without JavaScript would break."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from stacks.models import Machine, Operation
from stacks.templatetags import dlstack
from tests.believable import elsewhere
from tests.conftest import REPOSITORY
from tests.seed import Seed
from tests.stacks.views.conftest import signed_in

TEMPLATES = sorted((REPOSITORY / "templates").rglob("*.html"))
SCRIPTS = sorted((REPOSITORY / "static").glob("*.js"))
Count = Callable[[Client, str], int]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_nothing_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|js:|javascript:", text)
    assert not re.search(r"<script(?![^>]* src=)", text)
    assert not re.search(r'hx-trigger="[^"]*\[', text), "a filter in a trigger needs eval"
    assert not re.search(r"https?://", text), "nothing comes from another host"
    assert "|safe" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_form_that_sends_has_its_token(path: Path) -> None:
    text = path.read_text()
    for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL):
        assert "{% csrf_token %}" in form


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_code(path: Path) -> None:
    # A number for the style sheet is all that a script may tell it: how things look is said there.
    assert not re.search(r"\beval\(|new Function|\.style\b(?!\.setProperty\(\"--)|https?://", path.read_text())


def test_the_error_page_needs_nothing() -> None:
    assert "The page failed" in render_to_string("500.html")


@pytest.mark.parametrize(
    "address", ["/", "/machines/local/", "/operations/", "/operations/{}/state.json", "/operations/{}/log"]
)
def test_queries_do_not_grow_with_what_there_is(db: None, tmp_path: Path, address: str, count_queries: Count) -> None:
    seed = Seed(tmp_path)
    client = signed_in(seed.alice)
    address = address.format(Operation.objects.earliest("pk").pk)
    few = count_queries(client, address)
    for number in range(20):
        machine = Machine.objects.create(name=f"m{number}", root="/data0", observed=elsewhere("/data0", "2026-11-12"))
        seed._operation(machine, "build", "running", "z", ago=10)
        user = User.objects.create_user(f"user{number}")
        seed._operation(seed.machine, "deploy", "failed", "2026-11-20", ago=5, by=user)
    assert count_queries(client, address) == few <= 15


@pytest.fixture
def count_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> Count:
    def count(client: Client, address: str) -> int:
        with django_assert_max_num_queries(100) as asked:
            assert client.get(address).status_code == 200
        return len(asked.captured_queries)

    return count


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1_080_000_000, "1.08 GB"), (116e6, "116 MB"), (None, "–")],
)
def test_sizes(number: float | None, text: str) -> None:
    assert dlstack.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (356400, "4 d 3 h"), (None, "")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert dlstack.duration(seconds) == text
