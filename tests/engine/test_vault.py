"""Secrets as files: which are taken, and who can read what is handed over."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stacks.engine import vault
from stacks.engine.errors import Refused
from stacks.engine.owner import Owner

LINE = "machine pypi.lab.org login me password T0ken-of-the-lab\n"


def written(place: Path, text: str = LINE, mode: int = 0o600) -> Path:
    file = place / "lab"
    file.write_text(text)
    file.chmod(mode)
    return place


def test_a_secret_is_read_by_its_name(tmp_path: Path) -> None:
    [secret] = vault.read(written(tmp_path), ["lab"])
    assert (secret.lines, secret.values) == (LINE, ("T0ken-of-the-lab",))
    assert "T0ken" not in repr(secret)
    [commented] = vault.read(written(tmp_path, f"# the machine of the lab\n{LINE}"), ["lab"])
    assert commented.values == ("T0ken-of-the-lab",)


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (LINE, 0o644, "chmod 600"),
        (LINE, 0o602, "chmod 600"),
        ("T0ken-of-the-lab\n", 0o600, "machine HOST login USER"),
        ("default login me password T0ken-of-the-lab\n", 0o600, "each naming its host"),
        ("machine h login me password short\n", 0o600, "shorter than 8"),
        ("", 0o600, "machine HOST login USER"),
        (f"{LINE}{LINE.replace('T0ken', 'An0ther')}", 0o600, "names a host twice"),
    ],
)
def test_what_is_no_closed_netrc_is_refused_without_showing_it(tmp_path: Path, text: str, mode: int, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        vault.read(written(tmp_path, text, mode), ["lab"])
    assert "T0ken" not in str(caught.value)


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"“lab”; .*/lab cannot be read: No such file"):
        vault.read(tmp_path, ["lab"])
    with pytest.raises(Refused, match="has no directory of secrets"):
        vault.read(None, ["lab"])


def test_neither_links_nor_pipes_are_read(tmp_path: Path) -> None:
    (tmp_path / "lab").symlink_to(written(tmp_path / "..").resolve() / "lab")
    with pytest.raises(Refused, match="cannot be read"):
        vault.read(tmp_path, ["lab"])
    (tmp_path / "lab").unlink()
    os.mkfifo(tmp_path / "lab", 0o600)
    with pytest.raises(Refused, match="must be a file"):
        vault.read(tmp_path, ["lab"])


def test_what_is_handed_over_is_the_owners_alone(tmp_path: Path, owner: Owner) -> None:
    place = vault.hand_over(vault.read(written(tmp_path), ["lab"]), tmp_path / "netrc", owner)
    assert place is not None
    assert place.read_text() == LINE
    assert (stat.S_IMODE(place.stat().st_mode), place.stat().st_uid) == (0o600, owner.uid)
    assert vault.hand_over([], tmp_path / "none", owner) is None
    assert not (tmp_path / "none").exists()


def test_the_machines_own_indexes_and_proxies() -> None:
    environment = {
        "UV_INDEX": "lab=https://me:p%40ssword1@pypi.lab.org/simple other=https://o.lab.org/simple",
        "HTTPS_PROXY": "http://us:proxy-password@proxy:3128",
    }
    found = vault.of_machine(environment)
    assert found.lines == "machine pypi.lab.org login me password p@ssword1\n"
    assert set(found.values) == {"p%40ssword1", "p@ssword1", "proxy-password"}
    assert vault.without_logins(environment["UV_INDEX"]) == (
        "lab=https://pypi.lab.org/simple other=https://o.lab.org/simple"
    )
