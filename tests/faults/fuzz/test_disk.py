"""What lies on a disk that others can write or that is damaged: it is read as what it is, or as nothing."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stacks.engine import journal, manifest, recovery, resident, status, versions
from stacks.engine.layout import IDENTITY, Layout
from stacks.engine.locks import lane_lock
from tests.engine.conftest import Make, Runner, layout, owner, runner, version
from tests.faults.fuzz.inputs import documents, given_or_refused, heavy, thorough

__all__ = ["layout", "owner", "runner", "version"]
FIELDS = (
    "name",
    "uuid",
    "generation",
    "sealed_at",
    "manifest",
    "files",
    "bytes",
    "packages",
    "externals",
    "kernelspecs",
)
ENTRY = ("operation", "kind", "outcome", "version", "previous", "at", "ended", "healthy", "command")


@pytest.fixture
def two(layout: Layout, version: Make, runner: Runner) -> Layout:
    for name in ("a", "b"):
        version(name, {"file": name})
    runner.run("deploy", version="a")
    return layout


@thorough
@given(documents("uuid", "manifest"))
def test_identity_files(two: Layout, data: bytes) -> None:
    (two.version("b") / IDENTITY).write_bytes(data)
    assert versions.sealed(two, "b") is None
    assert isinstance(versions.identity(two.version("b")), dict)


@heavy
@given(documents(*FIELDS))
def test_descriptions(two: Layout, data: bytes) -> None:
    (two.description("b") / "version.json").write_bytes(data)
    assert versions.sealed(two, "b") is None
    read_all(two)


@heavy
@given(st.data())
def test_descriptions_with_one_wrong_field(two: Layout, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from([name for name in FIELDS if name not in ("uuid", "manifest")]))
    other = data.draw(st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2)))
    place = two.description("b") / "version.json"
    good = place.read_bytes()
    place.write_text(json.dumps({**json.loads(good), field: other}))
    read_all(two)
    place.write_bytes(good)


def read_all(layout: Layout) -> None:
    """Read what every page and verb reads."""
    assert status.read(layout)["active"] == "a"
    assert "a" in versions.all_sealed(layout)
    assert isinstance(versions.newest_generation(layout), int)
    assert resident.active(layout) == "a"


@heavy
@given(documents(*ENTRY))
def test_the_history(two: Layout, data: bytes) -> None:
    path = two.state / "history.jsonl"
    path.write_bytes(data.replace(b"\n", b" ") + b"\n")
    for entry in journal.history(two):
        assert isinstance(entry["kind"], str)
    assert all(isinstance(name, str) for name in journal.activations(two))
    journal.append(two, {"operation": "1", "kind": "deploy", "outcome": "succeeded", "version": "a"})
    assert journal.activations(two)[-1] == "a"


@heavy
@given(documents("operation", "kind", "version", "previous", "links", "staged", "paused", "uuid", "inputs", "boot"))
@example(b'{"kind": []}')
def test_a_pending_intent_is_never_a_way_to_harm(two: Layout, data: bytes) -> None:
    pending = two.state / "pending-live.json"
    pending.write_bytes(data)
    before = {name: manifest.scan(two.version(name)) for name in ("a", "b")}
    with lane_lock(two, "live"):
        said = recovery.recover(two, "live")
    assert all(isinstance(sentence, str) for sentence in said)
    assert {name: manifest.scan(two.version(name)) for name in ("a", "b")} == before
    assert resident.active(two) == "a"
    assert not pending.exists() or journal.pending(two, "live") is None


@thorough
@given(st.binary(max_size=300), st.integers(0, 400))
def test_manifests(two: Layout, data: bytes, at: int) -> None:
    path = two.description("b") / "manifest"
    good = path.read_bytes()
    aside = path.with_name("torn")
    for torn in (data, good[:at], good[:at] + data + good[at + len(data) :]):
        aside.write_bytes(torn)
        if found := given_or_refused(manifest._read, aside):
            assert all(isinstance(entry.size, int) for entry in found.entries)
    aside.unlink()


def test_what_is_good_is_read(two: Layout) -> None:
    read_all(two)
    assert asdict(versions.need_sealed(two, "b"))["name"] == "b"
