from __future__ import annotations

from django.test import Client

from kernels.models import Inventory
from stacks.engine.layout import Layout
from stacks.models import Machine
from tests.kernels.corpus import Stage
from tests.kernels.views.conftest import BAD, text

ADDRESS = "/machines/local/kernel-specs/"


def test_it_works(as_admin: Client, layout: Layout, live: Stage) -> None:
    (layout.kernel_specs / "broken").mkdir()
    (layout.kernel_specs / "broken/kernel.json").write_text(text(BAD).replace("connection_file", "x"))
    page = as_admin.get(ADDRESS).content.decode()
    assert "not live" in page
    assert "no-connection-file" in page
    assert "<script>alert" not in page
    assert "/kernels/install/tiny/" in page
    assert "/kernels/install/broken/" not in page


def test_a_viewer_only_looks(as_viewer: Client, live: Stage) -> None:
    page = as_viewer.get(ADDRESS).content.decode()
    assert "Tiny" in page
    assert "Install…" not in page
    assert "Add a kernelspec" not in page


def test_an_empty_one_says_what_to_do(as_admin: Client, machine: Machine) -> None:
    assert "The library is empty" in as_admin.get(ADDRESS).content.decode()


def test_that_of_another_machine_is_shown_as_it_was(as_admin: Client, elsewhere: Machine, live: Stage) -> None:
    own = as_admin.get(ADDRESS).context["library"]
    Inventory.objects.create(machine=elsewhere, live=True, taken_at=elsewhere.created_at, library=own)
    page = as_admin.get("/machines/gp12/kernel-specs/").content.decode()
    assert "its last check" in page
    assert "Tiny" in page
    assert "Remove…" not in page


def test_missing(as_viewer: Client, machine: Machine) -> None:
    assert as_viewer.get("/machines/none/kernel-specs/").status_code == 404


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.get(ADDRESS).status_code == 302


def test_it_is_only_read(as_admin: Client, machine: Machine) -> None:
    assert as_admin.post(ADDRESS).status_code == 405
