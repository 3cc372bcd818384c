from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from stacks.models import Machine, Version
from tests.stacks.conftest import Seal, activate


def test_it_works(as_viewer: Client, machine: Machine, sealed: Seal) -> None:
    first, second = sealed("a"), sealed("b")
    activate(first)
    Version.objects.filter(pk=first.pk).update(packages={"anaconda3": {"numpy": "1.0", "gone": "3"}})
    Version.objects.filter(pk=second.pk).update(
        packages={"anaconda3": {"numpy": "2.0", "fresh": "5"}},
        lockfile="numpy==2.0\n",
        kernelspecs=[{"name": "py", "display_name": "Astronomy", "language": "python", "environment": "anaconda3"}],
    )
    page = as_viewer.get("/machines/local/versions/b/?against=a").content.decode()
    for told in ("Compared with a", "fresh", "gone", "Astronomy", "numpy==2.0"):
        assert told in page


def test_compared_with_the_active_one_unless_asked(
    as_viewer: Client, elsewhere: Machine, machine: Machine, sealed: Seal
) -> None:
    sealed("a")
    sealed("b")
    assert "There is nothing to compare it with" in as_viewer.get("/machines/local/versions/b/").content.decode()


def test_missing(as_viewer: Client, machine: Machine) -> None:
    assert as_viewer.get("/machines/local/versions/none/").status_code == 404


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine, sealed: Seal) -> None:
    sealed("a")
    assert stranger.get("/machines/local/versions/a/").status_code == 302


def test_the_files_are_compared_when_asked_for(as_viewer: Client, sealed: Seal) -> None:
    sealed("a")
    sealed("b")
    address = "/machines/local/versions/b/?against=a"
    assert "files=1#files" in as_viewer.get(address).content.decode()
    page = as_viewer.get(f"{address}&files=1").content.decode()
    assert "bin/python" in page
    assert '<b class="nums">1</b> changed' in page


@pytest.mark.parametrize(
    ("asked", "hits"), [("NUMP", "1 package with"), ("2.0", "2 packages with"), ("zzz", "none in")]
)
def test_packages_are_found_in_every_environment(as_viewer: Client, sealed: Seal, asked: str, hits: str) -> None:
    row = sealed("a")
    found = {"anaconda3": {"numpy": "2.0", "scipy": "1.1"}, "other": {"astro-py": "2.0.1"}}
    Version.objects.filter(pk=row.pk).update(packages=found)
    page = as_viewer.get("/machines/local/versions/a/", {"q": asked}).content.decode()
    assert hits in page
    assert "scipy" not in page
    part = as_viewer.get(
        "/machines/local/versions/a/", {"q": asked}, headers={"HX-Request": "true", "HX-Target": "packages"}
    ).content.decode()
    assert hits in part
    assert "<html" not in part


def test_the_search_takes_names_as_they_are_typed(as_viewer: Client, sealed: Seal) -> None:
    Version.objects.filter(pk=sealed("a").pk).update(packages={"e": {"astro-py": "1", "b": "2"}})
    assert "1 package with" in as_viewer.get("/machines/local/versions/a/?q=Astro_Py").content.decode()


def test_where_else_it_is(as_viewer: Client, elsewhere: Machine, sealed: Seal) -> None:
    row = sealed("a")
    address = "/machines/local/versions/a/"
    assert "On no other machine" in as_viewer.get(address).content.decode()
    copy = Version.objects.get(pk=row.pk)
    copy.pk, copy.machine, copy.name = None, elsewhere, "copied"
    copy.save()
    page = as_viewer.get(address).content.decode()
    assert 'href="/machines/gp12/versions/copied/"' in page
    assert "is-active" not in page
    activate(copy)
    assert "is-active" in as_viewer.get(address).content.decode()
    Version.objects.filter(pk=copy.pk).update(removed_at=copy.sealed_at)
    assert "On no other machine" in as_viewer.get(address).content.decode()


def test_what_has_no_manifest_is_the_same_as_nothing(as_viewer: Client, elsewhere: Machine, sealed: Seal) -> None:
    row = sealed("a")
    Version.objects.filter(pk=row.pk).update(manifest_digest="")
    Version.objects.create(
        machine=elsewhere, name="b", uuid=uuid4(), generation=1, files=1, bytes=1, unique_bytes=1,
        manifest_digest="", sealed_at=row.sealed_at,
    )  # fmt: skip
    assert "On no other machine" in as_viewer.get("/machines/local/versions/a/").content.decode()
