"""The styleguide is there for developers only, and needs nothing from the database."""

from __future__ import annotations

from django.test import Client
from pytest_django import Settings

from stacks.models import Operation


def test_it_shows_every_state_in_both_themes(as_viewer: Client, settings: Settings) -> None:
    settings.DEBUG = True
    page = as_viewer.get("/styleguide/").content.decode()
    for state in Operation.State.labels:
        assert page.count(f"{state}</span>") >= 2
    assert page.count('data-bs-theme="light"') == page.count('data-bs-theme="dark"') == 1
    assert not Operation.objects.exists()


def test_elsewhere_there_is_no_such_page(as_viewer: Client, stranger: Client, settings: Settings) -> None:
    settings.DEBUG = False
    assert as_viewer.get("/styleguide/").status_code == 404
    assert stranger.get("/styleguide/").status_code == 302
    settings.DEBUG = True
    assert as_viewer.post("/styleguide/").status_code == 405
