from __future__ import annotations

import pytest
from django.test import Client


def test_it_works(as_viewer: Client) -> None:
    assert "data-bs-theme" not in as_viewer.get("/").content.decode()
    assert as_viewer.post("/theme/", {"theme": "dark", "next": "/operations/"}).headers["Location"] == "/operations/"
    assert '<html lang="en" data-bs-theme="dark">' in as_viewer.get("/").content.decode()
    as_viewer.post("/theme/", {"theme": ""})
    assert "data-bs-theme" not in as_viewer.get("/").content.decode()


def test_before_signing_in(stranger: Client) -> None:
    stranger.post("/theme/", {"theme": "light"})
    assert 'data-bs-theme="light"' in stranger.get("/sign-in/").content.decode()


@pytest.mark.parametrize("bad", ['"><script>', "blue"])
def test_what_is_no_theme_is_none(stranger: Client, bad: str) -> None:
    stranger.cookies["theme"] = bad
    assert "data-bs-theme" not in stranger.get("/sign-in/").content.decode()
    assert not stranger.post("/theme/", {"theme": bad}).cookies["theme"].value


def test_nobody_is_sent_to_another_site(stranger: Client) -> None:
    assert stranger.post("/theme/", {"theme": "dark", "next": "//example.org/"}).headers["Location"] == "/"


def test_only_sending(stranger: Client) -> None:
    assert stranger.get("/theme/").status_code == 405
