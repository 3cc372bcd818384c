from __future__ import annotations

import pytest
from django.test import Client

from stacks.models import Machine
from tests.kernels.corpus import Stage

ADDRESS = "/machines/local/kernel-specs/tiny/logos/logo-svg.svg"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def picture(live: Stage) -> None:
    place = live.layout.kernel_specs / "tiny"
    (place / "logo-svg.svg").write_bytes(SVG)
    (place / "logo-out.png").symlink_to("/etc/hostname")
    (place / "logo-huge.png").write_bytes(b"x" * 1_100_000)


def test_it_works(as_viewer: Client, picture: None) -> None:
    answer = as_viewer.get(ADDRESS)
    assert answer.content == SVG
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_it_is_shown(as_admin: Client, picture: None) -> None:
    page = as_admin.get("/machines/local/kernel-specs/tiny/").content.decode()
    assert f'src="{ADDRESS}"' in page
    assert "logo-out" not in page


@pytest.mark.parametrize("logo", ["kernel.json", "logo-out.png", "logo-huge.png", "logo-none.png", "..%2f..%2fx"])
def test_missing(as_viewer: Client, picture: None, logo: str) -> None:
    assert as_viewer.get(f"/machines/local/kernel-specs/tiny/logos/{logo}").status_code == 404


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.get(ADDRESS).status_code == 302


def test_it_is_only_read(as_operator: Client, picture: None) -> None:
    assert as_operator.post(ADDRESS).status_code == 405
