from __future__ import annotations

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
