from __future__ import annotations

import csv
import json

from django.test import Client
from pytest_django import DjangoAssertNumQueries

from kernels.models import KernelCheck
from stacks.models import Machine
from tests.kernels.conftest import add_check, add_library, add_version, kernelspecs
from tests.kernels.corpus import Stage

ADDRESS = "/kernels/"


def test_it_works(as_viewer: Client, machine: Machine, failed: KernelCheck) -> None:
    add_check(machine, "a", "well", seconds=1.23)
    page = as_viewer.get(ADDRESS).content.decode()
    assert "1.2 s" in page
    assert "hangs" in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert 'href="/machines/local/kernels/"' in page


def test_it_can_be_narrowed(as_viewer: Client, failed: KernelCheck) -> None:
    page = as_viewer.get(ADDRESS, {"state": "failed"}).content.decode()
    assert "<code>missing</code>" in page
    assert "<code>well</code>" not in page
    assert "Nothing fits this filter" in as_viewer.get(ADDRESS, {"language": "cobol"}).content.decode()


def test_what_cannot_be_read_narrows_nothing(as_viewer: Client, failed: KernelCheck) -> None:
    asked = {"state": "odd", "machine": "none", "only": "x", "versions": "../a, ¤"}
    page = as_viewer.get(ADDRESS, asked)
    assert page.status_code == 200
    assert "<code>well</code>" in page.content.decode()


def test_exports(as_viewer: Client, failed: KernelCheck) -> None:
    answer = as_viewer.get("/kernels/matrix.csv", {"state": "failed"})
    [line] = csv.DictReader(answer.content.decode().splitlines())
    assert (line["kernel"], line["code"]) == ("missing", "hangs")
    assert "attachment" in answer.headers["Content-Disposition"]
    found = json.loads(as_viewer.get("/kernels/matrix.json").content)
    assert {item["kernel"] for item in found["kernels"]} == {"well", "missing", "tiny"}


def test_without_machines_it_says_what_to_do(as_viewer: Client) -> None:
    assert "No kernel yet" in as_viewer.get(ADDRESS).content.decode()


def test_machines_come_in_pages_but_are_compared_with_all(as_viewer: Client, elsewhere: Machine) -> None:
    for number in range(22):
        other = Machine.objects.create(name=f"m{number:02}", root="/data0")
        add_version(other, "a", kernelspecs("everywhere", *(["rare"] if number == 21 else [])), active=True)
    add_version(elsewhere, "a", kernelspecs("everywhere"), active=True)
    first = as_viewer.get(ADDRESS, {"versions": "b"}).content.decode()
    assert 'href="/machines/m00/kernels/"' in first
    assert 'href="/machines/m21/kernels/"' not in first
    assert "<code>rare</code>" not in first
    assert "on 20 of 23 machines" in first
    assert 'href="?versions=b&amp;page=2"' in first
    second = as_viewer.get(ADDRESS, {"page": "2"}).content.decode()
    assert 'href="/machines/m21/kernels/"' in second
    assert "<code>rare</code>" in second
    differing = as_viewer.get(ADDRESS, {"only": "differs"}).content.decode()
    assert "<code>rare</code>" in differing
    assert "<code>everywhere</code>" not in differing


def test_as_many_queries_for_many_as_for_few(
    as_viewer: Client, elsewhere: Machine, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(10):
        other = Machine.objects.create(name=f"m{number}", root="/data0")
        add_version(other, "a", kernelspecs(*(f"k{kernel}" for kernel in range(20))), active=True)
        add_library(other, "k1")
    with django_assert_max_num_queries(14):
        assert as_viewer.get(ADDRESS).status_code == 200


def test_a_stranger_is_sent_to_sign_in(stranger: Client) -> None:
    for address in (ADDRESS, "/kernels/matrix.csv", "/kernels/matrix.json"):
        assert stranger.get(address).status_code == 302


def test_it_is_only_read(as_operator: Client, live: Stage) -> None:
    for address in (ADDRESS, "/kernels/matrix.csv", "/kernels/matrix.json"):
        assert as_operator.post(address).status_code == 405
