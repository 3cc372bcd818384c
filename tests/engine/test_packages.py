"""What is installed, read from files that a build's guests have written."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.engine.packages import installed


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"Name: Astro_Py\nVersion: 7.0", {"astro-py": "7.0"}),
        ("Name: Größe\nVersion: 1".encode(), {"größe": "1"}),
        (b"Name: x\xff\nVersion: \xfe1", {"x\N{REPLACEMENT CHARACTER}": "\N{REPLACEMENT CHARACTER}1"}),
        (b"\xff\x00", {"strange-1-dist-info": ""}),
    ],
)
def test_whatever_a_package_says_of_itself_is_text(tmp_path: Path, said: bytes, shown: dict[str, str]) -> None:
    place = tmp_path / "lib/python3.11/site-packages/strange-1.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_bytes(b"Metadata-Version: 2.1\n" + said + b"\n\nDescription")
    assert installed(tmp_path) == shown
