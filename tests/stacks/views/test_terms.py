"""What a build must not take or lacks is told before it begins: at the form and by the verb, with what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from stacks.models import Machine, Operation, Recipe, RecipeRevision
from tests.stacks.test_command_line import Result

FORM = "/machines/local/build/"
# What a line of the recipe asks for, what the refusal says is wrong, and what it says that helps.
CASES = {
    "a secret that is not there": ('secrets = ["lab"]', r"asks for the secret “lab”; .*/secrets/lab cannot be read"),
    "an address of this machine": (
        'index = "https://127.0.0.1/simple"',
        r"leads to 127\.0\.0\.1, which is this machine: to allow that, let DLSTACK_ALLOWED_SOURCES name it",
    ),
    "the metadata of a cloud": ('index = "https://169.254.169.254/"', "to allow that, let DLSTACK_ALLOWED_SOURCES"),
    "no encryption": ('index = "http://a.example/simple"', "is not encrypted: use https, or let DLSTACK_ALLOWED"),
    "a password": ('index = "https://me:hidden-word@a.example/"', "which everybody would read: put it into a secret"),
    "what is the machine's own": ('find_links = ["/proc"]', "is closed to builds: it holds what is"),
}  # fmt: skip


@pytest.fixture(params=CASES)
def refused(request: pytest.FixtureRequest, machine: Machine, recipe: RecipeRevision) -> str:
    """Have a recipe that was saved before the machine's terms were stricter; gives what its builds are told."""
    line, says = CASES[request.param]
    text = re.sub(r'^name = ".*"', 'name = "older"', recipe.text, count=1)
    text = text.replace("[[environments]]\n", f"[[environments]]\n{line}\n", 1)
    Recipe.objects.create(name="older").revisions.create(number=1, text=text)
    return says


def test_the_form_says_it_and_nothing_is_asked_for(as_operator: Client, refused: str) -> None:
    answer = as_operator.post(FORM, {"recipe": "older", "name": "a"})
    assert answer.status_code == 422
    assert re.search(refused, answer.content.decode())
    assert not Operation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_verb_says_it_in_one_line_and_ends_with_2(refused: str) -> None:
    result = Result("build", "older", "--name", "a")
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert re.search(refused, result.err)
    assert not Operation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_recipe_that_may_not_be_is_not_imported(machine: Machine, tmp_path: Path) -> None:
    for number, (line, says) in enumerate(list(CASES.values())[1:]):
        file = tmp_path / f"bad-{number}.toml"
        file.write_text(f'name = "bad"\n[[environments]]\npath = "x"\ninstaller = "venv"\n{line}\n')
        result = Result("recipe-import", str(file))
        assert (result.status, result.err.count("\n")) == (2, 1)
        assert re.search(says, result.err), result.err
    assert not Recipe.objects.filter(name="bad").exists()


def test_kernelspecs_are_not_taken_from_what_is_closed(
    as_operator: Client, machine: Machine, recipe: RecipeRevision
) -> None:
    home = Path(settings.DLSTACK.home) / "run"
    home.mkdir(mode=0o700, exist_ok=True)
    answer = as_operator.post(FORM, {"recipe": "starter", "name": "a", "kernel_dir": str(home)})
    assert answer.status_code == 422
    assert "is closed to builds" in answer.content.decode()
    assert not Operation.objects.exists()


def test_where_the_worker_alone_reads_secrets_it_alone_misses_one(
    as_operator: Client, no_broker: None, recipe: RecipeRevision, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = recipe.text.replace("[[environments]]\n", '[[environments]]\nsecrets = ["lab"]\n', 1)
    Recipe.objects.get().revisions.create(number=2, text=text)
    monkeypatch.setattr(settings, "DLSTACK", settings.DLSTACK.model_copy(update={"database_url": "postgres://db/x"}))
    assert as_operator.post(FORM, {"recipe": "starter", "name": "a"}).status_code == 302
    assert Operation.objects.get().parameters["version"] == "a"
