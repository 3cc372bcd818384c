"""Bundles: a home that runs is exported, and comes back whole in the other kind of database; what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps

from stacks.bundles import contents
from tests import postgres, rows
from tests.conftest import REPOSITORY, Home, new_home
from tests.rows import Rows

# What the services of the running home write while nobody asks for anything.
MOVING = {
    "stacks_worker": {"heard_at", "clock_ahead", "facts", "version", "schema"},
    "stacks_machine": {"observed", "observed_at", "layout"},
}
SECRET = "no-bundle-holds-this"
# Asked for at the last moment, on machines whose workers are nowhere.
UNFINISHED = """
from django.utils import timezone
from stacks.models import Machine, Operation, Rollout
now = timezone.now()
waits, runs = Machine.objects.filter(name__in=("gp01", "gp02")).order_by("name")
Operation.objects.create(machine=waits, kind="deploy", lane="live", parameters={"version": "x"})
Operation.objects.create(machine=runs, kind="build", lane="build", state="running", started_at=now, heartbeat_at=now)
Rollout.objects.create(kind="deploy", version="x", state="running").targets.create(
    machine=waits, order=0, batch=0, version="x", state="running", operation=waits.operations.get(state="queued")
)
"""


def rows_of(home: Home, where: Path) -> Rows:
    """Read every row of a home's database, by other code than that which exports."""
    run(home, "-m", "tests.rows", str(where))
    found: Rows = json.loads(where.read_text())
    return found


def run(home: Home, *words: str) -> str:
    argv = [sys.executable, *words]
    done = subprocess.run(argv, env=home.variables, cwd=REPOSITORY, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source() -> Iterator[Home]:
    """A home with 8 machines' history, in which something waits, runs and is rolled out; its services run."""
    with new_home() as home:
        home.more = {"DLSTACK_SECRET_KEY": SECRET, "DLSTACK_BUILD_MINUTES": "100"}
        run(home, "-m", "tests.heavy")
        (home.path / "ssh").mkdir(mode=0o700)
        (home.path / "ssh/known_hosts").write_text("gp12 ssh-ed25519 AAAA\n")
        (home.path / "ssh/id_ed25519").write_text(SECRET)
        yield home


@pytest.fixture(scope="module")
def bundle(source: Home) -> Path:
    path = source.path / "bundle.dlstack"
    with source.popen("up") as running:
        try:
            assert running.stdout
            next(line for line in running.stdout if "sesame=" in line)
            source.dlstack("shell", "-c", UNFINISHED)
            told = source.json("export", str(path))
        finally:
            running.terminate()
            running.communicate(timeout=120)
    assert (told["file"], told["bytes"]) == (str(path), path.stat().st_size)
    assert told["rows"] > 2000
    assert path.stat().st_mode & 0o777 == 0o600
    return path


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres.running() as found:
        yield found


@pytest.fixture
def empty(url: str) -> Iterator[Home]:
    """A control plane on an empty database of PostgreSQL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS drill")
        connection.execute("CREATE DATABASE drill")
    with new_home() as home:
        home.more = {"DATABASE_URL": url.rpartition("/")[0] + "/drill", "REDIS_URL": "redis://127.0.0.1:1/0"}
        yield home


def test_the_restore_drill(source: Home, bundle: Path, empty: Home, tmp_path: Path) -> None:
    there = rows_of(source, tmp_path / "source.json")
    said = empty.dlstack("import", str(bundle)).stdout
    assert "There it was, and here it is not: DLSTACK_BUILD_MINUTES=100" in said
    here = rows_of(empty, tmp_path / "here.json")
    assert ended(here, there) >= 3
    same(without_moving(there), without_moving(here))
    assert (empty.path / "ssh/known_hosts").read_text() == (source.path / "ssh/known_hosts").read_text()
    unbroken = f"{len(there['access_auditentry']) + 1} entries, unbroken"
    assert empty.dlstack("audit", "--verify").stdout.startswith(unbroken)

    # And back into SQLite, where all is as it was, to the last digit.
    second, here = tmp_path / "second.dlstack", rows_of(empty, tmp_path / "here.json")
    empty.dlstack("export", str(second))
    with new_home() as home:
        home.dlstack("import", str(second))
        same(here, rows_of(home, tmp_path / "back.json"), told=2)  # of the export, too
        assert home.json("users")
        home.dlstack("user-add", "newcomer", "--role", "viewer")


def test_the_next_rows_get_keys_that_nobody_has(bundle: Path, empty: Home) -> None:
    empty.dlstack("import", str(bundle))
    empty.dlstack("user-add", "newcomer", "--role", "operator")
    (recipe := empty.path / "r.toml").write_text((REPOSITORY / "recipes/starter.toml").read_text() + "# another\n")
    empty.dlstack("recipe-import", str(recipe))


def ended(here: Rows, there: Rows) -> int:
    """Hold what was unfinished against what became of it, and take it out of both."""
    count = 0
    for table, states in (
        ("stacks_operation", {"queued": "cancelled", "running": "interrupted"}),
        ("stacks_rollout", {"running": "stopped", "reverting": "stopped"}),
    ):
        for key, row in there[table].items():
            if row["state"] in states:
                count += 1
                mine = here[table][key]
                assert mine["state"] == states[row["state"]]
                assert "when the bundle was made" in mine["message"]
                for name in ("state", "message", "finished_at"):
                    mine[name] = row[name]
    return count


def without_moving(found: Rows) -> Rows:
    return {
        table: {key: _without(row, MOVING.get(table, set())) for key, row in listed.items()}
        for table, listed in found.items()
    }


def _without(row: Any, names: set[str]) -> Any:
    return {name: value for name, value in row.items() if name not in names} if names else row


def same(one: Rows, other: Rows, *, told: int = 1) -> None:
    """Assert that two databases hold the same rows, but for the entries of the trail that tell of the way there."""
    assert one.keys() == other.keys()
    for table in one:
        more = other[table].keys() - one[table].keys()
        assert len(more) == (told if table == "access_auditentry" else 0), table
        for key, row in one[table].items():
            assert other[table][key] == row, (table, key)


def test_every_table_is_in_it_or_left_out_by_name() -> None:
    every = {model._meta.label_lower for model in apps.get_models()}
    assert set(contents.tables()) | contents.LEFT_OUT == every
    left = {apps.get_model(label)._meta.db_table for label in contents.LEFT_OUT}
    assert left == set(rows.LEFT)


def test_no_secret_is_in_it(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as file:
        for name in file.namelist():
            assert SECRET.encode() not in file.read(name), name
        index = json.loads(file.read("index.json"))
    assert set(index["settings"]) == {"DLSTACK_BUILD_MINUTES", "DLSTACK_HOME", "DLSTACK_RESERVE", "PORT"}


def test_a_database_that_is_not_empty_is_refused(bundle: Path, source: Home, tmp_path: Path) -> None:
    before = rows_of(source, tmp_path / "before.json")
    done = source.dlstack("import", str(bundle), check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "The database is not empty (" in done.stderr
    assert rows_of(source, tmp_path / "after.json") == before


def test_nothing_is_overwritten(bundle: Path, source: Home) -> None:
    before = bundle.read_bytes()
    done = source.dlstack("export", str(bundle), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{bundle} is there already: name a new file.\n"
    assert bundle.read_bytes() == before
    done = source.dlstack("export", str(source.path / "nowhere/b"), check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert not list(source.path.glob("*.new-*"))


def _rewritten(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Write the bundle anew with another index."""

    def rewrite(path: Path) -> None:
        aside = path.with_suffix(".aside")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(aside, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name == "index.json":
                    index = json.loads(data)
                    change(index)
                    data = json.dumps(index).encode()
                new.writestr(name, data)
        aside.rename(path)

    return rewrite


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def _text(path: Path) -> None:
    path.write_text("no bundle\n")


def _without_a_table(path: Path) -> None:
    with zipfile.ZipFile(path) as old:
        kept = {name: old.read(name) for name in old.namelist() if name != contents.member("stacks.version")}
    with zipfile.ZipFile(path, "w") as new:
        for name, data in kept.items():
            new.writestr(name, data)


def _dangling(path: Path) -> None:
    """Take a machine's row out and tell the index so: what refers to it is left."""
    with zipfile.ZipFile(path) as old:
        kept = {name: old.read(name) for name in old.namelist()}
    name = contents.member("stacks.machine")
    kept[name] = kept[name].partition(b"\n")[2]
    index = json.loads(kept["index.json"])
    import hashlib

    index["tables"]["stacks.machine"] = {
        "rows": kept[name].count(b"\n"), "sha256": hashlib.sha256(kept[name]).hexdigest(),
    }  # fmt: skip
    kept["index.json"] = json.dumps(index).encode()
    with zipfile.ZipFile(path, "w") as new:
        for member, data in kept.items():
            new.writestr(member, data)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_cut, "is no bundle of DLStack, or is damaged"),
        (_flip, "is no bundle of DLStack, or is damaged"),
        (_text, "is no bundle of DLStack, or is damaged"),
        (_without_a_table, "members are missing, or too many"),
        (_rewritten(lambda index: index["tables"]["stacks.version"].update(rows=1)), "is not what was written"),
        (_rewritten(lambda index: index.update(format=2)), "was made by a newer DLStack"),
        (_rewritten(lambda index: index["schema"].append("stacks.9999_later")), "was made by a newer DLStack"),
        (_rewritten(lambda index: index["schema"].pop()), "was made by an older DLStack"),
        (_dangling, "cannot be imported"),
    ],
)
def test_what_is_not_whole_or_not_ours_changes_nothing(
    bundle: Path, empty: Home, tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    spoiled = tmp_path / "spoiled.dlstack"
    shutil.copy(bundle, spoiled)
    spoil(spoiled)
    done = empty.dlstack("import", str(spoiled), check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert why in done.stderr
    with psycopg.connect(empty.more["DATABASE_URL"]) as connection:
        made = connection.execute("SELECT to_regclass('stacks_machine')").fetchone()
        assert made is not None
        if made[0] is not None:  # the tables are there: without a row
            assert connection.execute("SELECT count(*) FROM stacks_machine").fetchone() == (0,)


def test_a_file_that_is_not_there(empty: Home) -> None:
    done = empty.dlstack("import", "/nonexistent.dlstack", check=False)
    assert (done.returncode, done.stderr) == (2, "/nonexistent.dlstack cannot be read: No such file or directory.\n")


def test_a_dry_run_looks_and_changes_nothing(bundle: Path, empty: Home) -> None:
    assert empty.json("import", str(bundle), "--dry-run")["imported"] is False
    with psycopg.connect(empty.more["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT to_regclass('stacks_machine')").fetchone() == (None,)
