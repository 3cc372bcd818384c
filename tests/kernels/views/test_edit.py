from __future__ import annotations

import pytest
from django.test import Client

from kernels.models import LibraryEdit
from stacks.engine.kernels import library
from stacks.engine.layout import Layout
from stacks.models import Machine
from tests.kernels.corpus import Stage
from tests.kernels.views.conftest import BAD, text

ADDRESS = "/machines/local/kernel-specs/tiny/"


@pytest.fixture
def expected(layout: Layout, live: Stage) -> str:
    found = library.entry(layout.kernel_specs, "tiny")
    assert found is not None
    return found.digest


def test_it_works(as_admin: Client, layout: Layout, expected: str) -> None:
    page = as_admin.get(ADDRESS)
    assert page.context["form"]["expected"].value() == expected
    answer = as_admin.post(ADDRESS, {"text": text("New"), "expected": expected})
    assert answer.headers["Location"] == "/machines/local/kernel-specs/"
    assert (layout.kernel_specs / "tiny/kernel.json").read_text() == text("New")
    page = as_admin.get(ADDRESS)
    assert "Changed" in page.content.decode()
    assert 'class="is-added">+  &quot;display_name&quot;: &quot;New&quot;' in page.content.decode()


def test_what_was_changed_meanwhile_is_told_and_not_overwritten(
    as_admin: Client, layout: Layout, expected: str
) -> None:
    library.write(layout.kernel_specs, "tiny", text("Theirs"), expected=expected)
    answer = as_admin.post(ADDRESS, {"text": text("Mine"), "expected": expected})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "was changed meanwhile" in page
    assert "Theirs" in page
    assert "Mine" in page
    assert f'name="expected" value="{expected}"' in page  # pressing once more overwrites nothing either
    assert (layout.kernel_specs / "tiny/kernel.json").read_text() == text("Theirs")
    assert not LibraryEdit.objects.exists()


@pytest.mark.parametrize("content", ["{", text(BAD), '{"argv": []}'])
def test_bad_content_is_told_and_kept_in_the_form(
    as_admin: Client, layout: Layout, expected: str, content: str
) -> None:
    answer = as_admin.post(ADDRESS, {"text": content, "expected": expected})
    assert answer.status_code == 422
    assert answer.context["form"]["text"].value() == content
    assert "<script>alert" not in answer.content.decode()
    assert (layout.kernel_specs / "tiny/kernel.json").read_text() == text()


def test_the_name_in_the_address_counts(as_admin: Client, layout: Layout, expected: str) -> None:
    as_admin.post(ADDRESS, {"name": "other", "text": text("New"), "expected": expected})
    assert [path.name for path in layout.kernel_specs.iterdir()] == ["tiny"]


def test_a_viewer_may_not(as_viewer: Client, expected: str) -> None:
    assert as_viewer.get(ADDRESS).status_code == 403
    assert as_viewer.post(ADDRESS, {"text": text("X"), "expected": expected}).status_code == 403


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.get(ADDRESS).status_code == 302


@pytest.mark.parametrize("name", ["none", "..", "%2e%2e", ".trash", "a%2fb"])
def test_missing(as_admin: Client, live: Stage, name: str) -> None:
    assert as_admin.get(f"/machines/local/kernel-specs/{name}/").status_code == 404
    assert as_admin.get("/machines/none/kernel-specs/tiny/").status_code == 404


def test_another_method_is_refused(as_admin: Client, live: Stage) -> None:
    assert as_admin.put(ADDRESS).status_code == 405
