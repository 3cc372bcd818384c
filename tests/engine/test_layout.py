from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.engine.errors import Refused
from stacks.engine.layout import Layout, check_name

BAD = [
    *("", ".", "..", "../x", "../../etc", "/abs", "-e", "a b", "a\n", "\n", "a\0", "$(x)", "host:dir", "x" * 65),
    *("hdd", "tmpfs", "é", "а", "a/b", "\u202eabc"),
]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_name_is_refused_by_every_path(name: str) -> None:
    layout = Layout(Path("/data0"))
    for path in (layout.version, layout.resident, layout.staging, layout.description):
        with pytest.raises(Refused):
            path(name)


@pytest.mark.parametrize("name", ["2026-11-22", "a", "A.b_c-d", "x" * 64, "2026-11-22+1".replace("+", "."), "9"])
def test_a_good_name_is_given_back(name: str) -> None:
    assert check_name(name) == name


@given(st.text(max_size=70))
def test_whatever_is_accepted_stays_below_the_root(name: str) -> None:
    layout = Layout(Path("/data0"))
    try:
        place = layout.version(name)
    except Refused:
        return
    assert place.parent == layout.root
    assert place not in (layout.live, layout.backing, layout.ramdisk)


@pytest.mark.parametrize("root", ["/", "data0", "/data0/../etc", ""])
def test_a_root_that_is_no_absolute_path_below_slash_is_refused(root: str) -> None:
    with pytest.raises(Refused):
        Layout(Path(root))
