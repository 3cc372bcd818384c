"""The suite has teeth: with any one safeguard taken away from a copy of the project, its tests fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.faults.conftest import FIGURES, FULL, Figure
from tests.faults.mutants.catalogue import MUTANTS, Mutant

COPIED = ("access", "stacks", "kernels", "dlstackweb", "tests", "templates", "static", "recipes", "deploy", "bench")
FILES = ("manage.py", "pyproject.toml")
# What a mutant leaves running ends with its namespace. Its first process is none of ours: whoever loses its parent gets
# that one instead, and would take a starter that is gone for one that lives.
NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh")
APART = NAMESPACE if os.geteuid() == 0 else ()
FAILED = 1  # pytest: tests were run, and some failed
# Sooner than the suite's own limit: a mutant that hangs is caught, too.
PATIENCE = ("--timeout", "120")


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    # Not pytest's directory: that one is closed to the other users that some tests are.
    place = Path(tempfile.mkdtemp(prefix="dlstack-mutants-"))
    place.chmod(0o755)
    for name in COPIED:
        shutil.copytree(REPOSITORY / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(REPOSITORY / name, place / name)
    yield place
    shutil.rmtree(place)


def outcome(copy: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    there = [path for path in tests if (copy / path.split("::")[0]).exists()]
    command = [*APART, sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *PATIENCE, *there]
    variables = {name: value for name, value in os.environ.items() if name not in (FULL, FIGURES)}
    return subprocess.run(command, cwd=copy, env=variables, capture_output=True, text=True, check=False)


def mutated(copy: Path, mutant: Mutant) -> str:
    text = (copy / mutant.file).read_text()
    assert text.count(mutant.old) == 1, f"{mutant.name}: what it changes stands {text.count(mutant.old)} times"
    (copy / mutant.file).write_text(text.replace(mutant.old, mutant.new))
    return text


def is_caught(copy: Path, mutant: Mutant) -> bool:
    original = mutated(copy, mutant)
    try:
        return outcome(copy, mutant.tests).returncode == FAILED
    finally:
        (copy / mutant.file).write_text(original)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_changes_one_place(mutant: Mutant) -> None:
    assert (REPOSITORY / mutant.file).read_text().count(mutant.old) == 1
    compile((REPOSITORY / mutant.file).read_text().replace(mutant.old, mutant.new), mutant.file, "exec")
    assert all((REPOSITORY / path).exists() for path in mutant.tests)


def test_one_is_caught_and_without_it_the_same_tests_pass(copy: Path) -> None:
    """A sample for every day; `make faults` tries them all."""
    mutant = next(item for item in MUTANTS if item.name == "names by match")
    assert is_caught(copy, mutant)
    assert outcome(copy, mutant.tests).returncode == 0


@pytest.mark.faults
def test_every_mutant_is_caught(copy: Path, figure: Figure) -> None:
    tests = tuple(dict.fromkeys(path for mutant in MUTANTS for path in mutant.tests))
    whole = outcome(copy, tests)  # first: what fails by itself would be taken for a catch
    assert whole.returncode == 0, f"the tests fail without a mutant, too: {whole.stdout[-3000:]}"
    missed = [mutant.name for mutant in MUTANTS if not is_caught(copy, mutant)]
    got = f"{len(MUTANTS) - len(missed)} of {len(MUTANTS)} caught"
    figure(
        "mutants: safeguards taken away", goal="every one caught", got=f"{got} {missed or ''}".strip(), ok=not missed
    )
