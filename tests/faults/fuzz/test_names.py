"""Names through each entry: refused in one sentence, or a path that lies directly where it should (F30)."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import example, given

from stacks.engine import environment_fields
from stacks.engine.kernels import spec
from stacks.engine.layout import Layout, backup_name, check_name, check_new_name
from tests.faults.fuzz.inputs import given_or_refused, names, thorough

LAYOUT = Layout(Path("/data0"))
PLACES = {
    "version": "/data0/sw.", "description": "/data0/.dlstack/versions/",
    "resident": "/data0/sw.tmpfs/", "staging": "/data0/sw.tmpfs/.dlstack/",
}  # fmt: skip


def is_plain(name: str) -> bool:
    return name.isascii() and name.isprintable() and not set(name) & set("/\\ \"'$`;&|*?<>()[]{}~!#:%\0")


@thorough
@given(names)
@example("a\n")
@example("hdd+1")
@example("a+1+1")
def test_version_names(name: str) -> None:
    for check in (check_name, check_new_name):
        if given_or_refused(check, name) is not None:
            assert is_plain(name)
            assert name[0].isalnum()
            assert len(name) <= 64 + len("+9999")
            assert name not in ("hdd", "tmpfs")
    for kind, before in PLACES.items():
        if path := given_or_refused(getattr(LAYOUT, kind), name):
            assert str(path) == os.path.normpath(path) == before + name
    assert given_or_refused(LAYOUT.version, name) not in (LAYOUT.ramdisk, LAYOUT.backing)
    if following := given_or_refused(backup_name, name, {name}):
        assert check_name(following) != name


@thorough
@given(names)
def test_kernel_names(name: str) -> None:
    if given_or_refused(spec.check_name, name) is not None:
        assert is_plain(name)
        assert os.path.normpath(f"/specs/{name}") == f"/specs/{name}"


@thorough
@given(names)
def test_paths_of_environments_and_names_of_recipes(name: str) -> None:
    if environment_fields.KERNEL.fullmatch(name):
        assert is_plain(name)
    if environment_fields._PATH.fullmatch(name):
        assert os.path.normpath(f"/data0/sw/{name}") == f"/data0/sw/{name}"
        assert is_plain(name)
