"""The cast and their browsers, what a test adds to the audit trail, and forms as browsers without scripts send them."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User

from access.models import AuditEntry
from access.strangers import allowance
from tests.conftest import People
from tests.stacks.conftest import elsewhere, layout, machine, owner, recipe, sealed, version
from tests.stacks.views.conftest import as_admin, as_operator, as_viewer, operation, stranger

__all__ = [
    "as_admin", "as_operator", "as_viewer", "elsewhere", "layout", "machine",
    "operation", "owner", "recipe", "sealed", "stranger", "version",
]  # fmt: skip

PASSWORD = "orion-nebula-42"
Trail = Callable[[], list[AuditEntry]]


@pytest.fixture(autouse=True)
def _a_minute_later() -> None:
    """Strangers may be recorded again: the tests before were many requests in a short time."""
    allowance.refill()


@pytest.fixture
def trail(db: None) -> Trail:
    """Give what came to the trail since; what other tests committed to it stays there for ever."""
    before = AuditEntry.objects.values_list("number", flat=True).first() or 0
    return lambda: list(AuditEntry.objects.filter(number__gt=before).order_by("number"))


@pytest.fixture
def known(people: People) -> User:
    """An operator with a password."""
    people.operator.set_password(PASSWORD)
    people.operator.save()
    return people.operator


class Form(HTMLParser):
    """The fields of that form of a page which has a given button or field, as a browser without scripts sends them."""

    def __init__(self, page: str, having: str) -> None:
        super().__init__()
        self._having, self._open = having, False
        self.fields: dict[str, str] = {}
        self._current: dict[str, str] = {}
        self._is_it = False
        self.feed(page)
        assert self.fields, f"no form has {having}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open, self._current, self._is_it = True, {}, False
        if self._open:
            self._is_it |= self._having in (told.get("id"), told.get("name"))
            if tag == "input" and told.get("name") and told.get("type") != "checkbox":
                self._current[told["name"]] = told.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
            if self._is_it:
                self.fields = self._current


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the time of sessions go on by some seconds."""
    import time

    real, passed = time.time, 0.0

    def pass_by(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr("access.sessions.time.time", lambda: real() + passed)
    return pass_by
