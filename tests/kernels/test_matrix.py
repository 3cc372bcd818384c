"""The matrix: what is where and how it is, narrowed and exported, in as few queries for many machines as for one."""

from __future__ import annotations

import csv
import io
import json

import pytest
from pytest_django import DjangoAssertNumQueries

from kernels import exports, latest, matrix
from kernels.matrix import Asked, Cell
from kernels.models import KernelCheck
from stacks.models import Machine
from tests.kernels.conftest import add_check, add_library, add_version, kernelspecs


def cells(asked: Asked | None = None) -> dict[str, dict[tuple[str, str], Cell]]:
    """Give, for each kernel, its cells by machine and place."""
    found = matrix.build(asked or Asked())
    return {
        row.name: {(column.machine.name, column.where): cell for column, cell in row.cells if cell}
        for row in found.rows
    }


@pytest.fixture
def two(elsewhere: Machine, gp20: Machine) -> None:
    """Two machines, which have a kernel in common, and one each that the other has not."""
    add_version(elsewhere, "a", kernelspecs("both", "old"), active=True)
    add_version(elsewhere, "b", kernelspecs("both", "mine"), active=True)
    add_version(gp20, "b", [*kernelspecs("both"), *kernelspecs("r", language="R")], active=True)
    add_library(elsewhere, "both", "shelved")
    add_check(elsewhere, "b", "both", seconds=2.5)
    add_check(elsewhere, "b", "mine", state="failed", code="hangs", reason="It hangs.")


def test_what_is_where(two: None) -> None:
    found = cells()
    assert set(found) == {"both", "mine", "old", "r", "shelved"}
    assert set(found["both"]) == {("gp12", "live"), ("gp12", "previous"), ("gp12", "library"), ("gp20", "live")}
    assert (found["both"]["gp12", "live"].state, found["both"]["gp12", "live"].seconds) == ("ok", 2.5)
    failing = found["mine"]["gp12", "live"]
    assert (failing.state, failing.code, failing.reason, failing.seconds) == ("failed", "hangs", "It hangs.", None)
    assert found["both"]["gp20", "live"].state == "unchecked"


def test_what_is_kept_of_checks_is_read_anew_when_they_change(two: None, elsewhere: Machine) -> None:
    def how() -> str:
        return cells()["both"]["gp12", "live"].state

    assert how() == "ok"
    add_check(elsewhere, "b", "both", state="failed", code="hangs", reason="It hangs.")
    assert how() == "failed"
    KernelCheck.objects.filter(name="both").latest("pk").delete()
    assert how() == "ok"
    KernelCheck.objects.all().delete()
    assert how() == "unchecked"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (Asked(state="failed"), {"mine"}),
        (Asked(state="ok"), {"both"}),
        (Asked(language="r"), {"r"}),
        (Asked(machines=["gp20"]), {"both", "r"}),
        (Asked(only="not-live"), {"shelved"}),
        (Asked(only="not-in-library"), {"mine", "r"}),
        (Asked(only="differs"), {"mine", "r"}),
        (Asked(only="changed"), {"old", "mine"}),
        (Asked(only="changed", state="failed"), {"mine"}),
        (Asked(only="no such filter"), {"both", "mine", "old", "r", "shelved"}),
    ],
)
def test_it_can_be_narrowed(two: None, asked: Asked, names: set[str]) -> None:
    assert set(cells(asked)) == names


def test_versions_can_be_chosen(two: None, elsewhere: Machine) -> None:
    add_version(elsewhere, "c", kernelspecs("new"))
    assert "new" not in cells()
    assert set(cells(Asked(versions=["c"]))["new"]) == {("gp12", "version")}


def test_the_latest_of_each_depth_counts(elsewhere: Machine) -> None:
    def judged() -> int | None:
        found = latest.latest([elsewhere.pk], ["a"])
        told = latest.judge(found.get((elsewhere.pk, "a", "anaconda3", "k"), []))
        return told.pk if told else None

    assert judged() is None
    add_check(elsewhere, "a", "k")
    failed = add_check(elsewhere, "a", "k", state="failed", code="hangs")
    assert judged() == failed.pk
    add_check(elsewhere, "a", "k", depth="static")
    assert judged() == failed.pk  # its files look well: that refutes no hanging start
    passed = add_check(elsewhere, "a", "k")
    assert judged() == passed.pk
    broken = add_check(elsewhere, "a", "k", depth="static", state="failed", code="bad-json")
    assert judged() == broken.pk
    mended = add_check(elsewhere, "a", "k")
    assert judged() == mended.pk


def test_csv_holds_no_formula(elsewhere: Machine) -> None:
    bad = "=HYPERLINK(1)"
    specs = [{**kernelspecs("k")[0], "display_name": bad}]
    add_version(elsewhere, "a", specs, active=True)
    add_check(elsewhere, "a", "k", state="failed", code="died", reason='@x, "quoted"\nline', seconds=-1)
    text = exports.as_csv(matrix.build(Asked()))
    [line] = list(csv.DictReader(io.StringIO(text)))
    assert (line["display_name"], line["reason"]) == (f"'{bad}", '\'@x, "quoted"\nline')
    assert (line["kernel"], line["machine"], line["where"], line["version"]) == ("k", "gp12", "live", "a")
    [same] = json.loads(exports.as_json(matrix.build(Asked())))["kernels"]
    assert same["display_name"] == bad
    assert list(same) == list(exports.FIELDS)


QUERIES = 5


def test_as_many_queries_for_forty_kernels_ten_versions_and_twenty_machines(
    elsewhere: Machine, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    add_version(elsewhere, "v0", kernelspecs("k0"), active=True)
    add_check(elsewhere, "v0", "k0")
    with django_assert_num_queries(QUERIES):
        assert len(matrix.build(Asked(versions=["v1"])).rows) == 1
    names = [f"k{number}" for number in range(40)]
    for number in range(20):
        machine = Machine.objects.create(name=f"m{number}", root="/data0")
        for version in range(10):
            add_version(machine, f"v{version}", kernelspecs(*names), active=True)
        KernelCheck.objects.bulk_create(
            KernelCheck(
                machine=machine, version=f"v{version}", name=name, environment="anaconda3", depth="launch", state="ok",
                checked_at=machine.created_at,
            )
            for name in names for version in range(10)
        )  # fmt: skip
        add_library(machine, *names)
    with django_assert_num_queries(QUERIES):
        found = matrix.build(Asked(versions=[f"v{version}" for version in range(10)]))
    assert len(found.rows) == 40
    assert len(found.columns) == 1 + 20 * 11
    assert all(cell.state == "ok" for row in found.rows for _, cell in row.cells if cell)
