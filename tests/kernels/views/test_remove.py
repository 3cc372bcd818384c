from __future__ import annotations

import pytest
from django.test import Client

from kernels.models import LibraryEdit
from stacks.engine.kernels import library
from stacks.engine.layout import Layout
from stacks.models import Machine
from tests.kernels.conftest import add_version, kernelspecs
from tests.kernels.corpus import Stage
from tests.kernels.views.conftest import text

ADDRESS = "/machines/local/kernel-specs/tiny/remove/"


@pytest.fixture
def expected(layout: Layout, live: Stage) -> str:
    found = library.entry(layout.kernel_specs, "tiny")
    assert found is not None
    return found.digest


def test_it_works(as_admin: Client, machine: Machine, layout: Layout, expected: str) -> None:
    add_version(machine, "using", kernelspecs("tiny"))
    page = as_admin.get(ADDRESS).content.decode()
    assert "using" in page
    assert f'value="{expected}"' in page
    answer = as_admin.post(ADDRESS, {"expected": expected})
    assert answer.headers["Location"] == "/machines/local/kernel-specs/"
    assert list(layout.kernel_specs.iterdir()) == []
    edit = LibraryEdit.objects.get()
    assert (edit.action, edit.before, edit.after) == ("removed", text(), "")


def test_what_was_changed_meanwhile_stays(as_admin: Client, layout: Layout, expected: str) -> None:
    library.write(layout.kernel_specs, "tiny", text("Theirs"), expected=expected)
    answer = as_admin.post(ADDRESS, {"expected": expected})
    assert answer.status_code == 409
    assert (layout.kernel_specs / "tiny/kernel.json").exists()
    assert not LibraryEdit.objects.exists()


def test_a_viewer_may_not(as_viewer: Client, layout: Layout, expected: str) -> None:
    assert as_viewer.post(ADDRESS, {"expected": expected}).status_code == 403
    assert (layout.kernel_specs / "tiny/kernel.json").exists()


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.post(ADDRESS).status_code == 302


def test_missing(as_admin: Client, live: Stage) -> None:
    assert as_admin.post("/machines/local/kernel-specs/none/remove/").status_code == 404


def test_another_method_is_refused(as_admin: Client, live: Stage) -> None:
    assert as_admin.delete(ADDRESS).status_code == 405
