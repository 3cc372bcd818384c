from __future__ import annotations

import os

import pytest

from stacks.engine import resident, versions
from stacks.engine.errors import VerifyFailed
from stacks.engine.layout import Layout
from tests.engine.conftest import Make, Runner


def test_a_copy_that_is_not_what_was_sealed_is_not_let_in(layout: Layout, version: Make, runner: Runner) -> None:
    version("a", {"file": "a"}, mtime=1e9)
    version("b", {"file": "b", "lib/more": "content"}, mtime=1e9)
    runner.run("deploy", version="a")
    rotten = layout.version("b") / "lib/more"
    rotten.write_text("CONTENT")
    os.utime(rotten, (1e9, 1e9))
    with pytest.raises(VerifyFailed, match="lib/more: the content differs"):
        runner.run("deploy", version="b")
    assert resident.active(layout) == "a"
    assert list(versions.residents(layout)) == ["a"]
    assert not layout.staging("b").exists()


def test_what_is_shared_and_what_is_copied_is_told(layout: Layout, version: Make, runner: Runner) -> None:
    version("a", {"file": "a", "same": "same"}, mtime=1e9)
    version("b", {"file": "b", "same": "same"}, mtime=1e9)
    runner.run("deploy", version="a")
    outcome = runner.run("deploy", version="b")
    assert (outcome["linked_files"], outcome["copied_bytes"]) == (1, 1)
    assert (layout.resident("a") / "same").samefile(layout.resident("b") / "same")
