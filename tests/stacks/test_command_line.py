"""The verbs, in this process: what they print, and their exit statuses."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from stacks import operations, running
from stacks.engine.events import Event
from stacks.logs import LogWriter
from stacks.management.commands import build, cancel, deploy, diff, log, revert, status, versions
from stacks.management.commands import operations as operations_verb
from stacks.management.recipe_import import Command as RecipeImport
from stacks.management.verb import Verb
from stacks.models import Machine, Operation, RecipeRevision
from tests import databases
from tests.broker import Broker
from tests.conftest import REPOSITORY, Home
from tests.stacks import tiny
from tests.stacks.conftest import Seal, activate

pytestmark = pytest.mark.django_db(transaction=True)
VERBS: dict[str, type[Verb]] = {
    "status": status.Command,
    "build": build.Command,
    "deploy": deploy.Command,
    "revert": revert.Command,
    "versions": versions.Command,
    "diff": diff.Command,
    "operations": operations_verb.Command,
    "log": log.Command,
    "cancel": cancel.Command,
    "recipe-import": RecipeImport,
}


class Result:
    """What a verb printed, and its exit status."""

    def __init__(self, *argv: str) -> None:
        out, err = io.StringIO(), io.StringIO()
        self.status: Any = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                VERBS[argv[0]](stdout=out, stderr=err).run_from_argv(["dlstack", *argv])
            except SystemExit as end:
                self.status = end.code
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _services_run_elsewhere(settings: Any) -> None:
    """Have the verbs start nothing: it is as if the broker was named from outside."""
    url = settings.DLSTACK.redis_url
    settings.DLSTACK = settings.DLSTACK.model_copy(update={"external_redis_url": url})


@pytest.fixture
def lane(machine: Machine, broker: Broker) -> Any:
    """A worker, as far as the verbs can tell: runs what is queued, with tiny plans, from a thread."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            for operation in Operation.objects.filter(state="queued"):
                running.run(operation.pk, plan_for=tiny.plan_for)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()


@pytest.fixture
def ended(machine: Machine, broker: Broker) -> Callable[..., Operation]:
    def run(*work: str) -> Operation:
        operation = operations.submit(
            machine=machine, kind="build", parameters={"version": "t", "generation": 9, "work": list(work)}
        )
        running.run(operation.pk, plan_for=tiny.plan_for)
        operation.refresh_from_db()
        return operation

    return run


def test_status(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    document = Result("status", "--json").json
    wanted = {"machine", "root", "layout", "active", "backing", "resident", "versions", "ramdisk", "problems"}
    assert wanted <= set(document)
    assert (document["machine"], document["root"], document["active"]) == ("local", machine.root, None)
    assert {"name", "sealed", "files", "bytes", "unique_bytes"} <= set(document["versions"][0])
    assert {"is_tmpfs", "bytes_total", "bytes_used"} <= set(document["ramdisk"])
    assert {"code", "message"} <= set(document["problems"][0])
    text = Result("status")
    assert text.status == 0
    assert "a        yes" in text.out
    assert "nothing-live" in text.out


def test_status_of_a_machine_that_was_never_seen(machine: Machine, elsewhere: Machine) -> None:
    document = Result("status", "--machine", "gp12", "--json").json
    assert (document["machine"], document["problems"][0]["code"]) == ("gp12", "not-observed")
    assert Result("status", "--machine", "gp12").status == 0


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["build", "nosuch"], "There is no recipe “nosuch”; there are: starter."),
        (["build", "starter", "--name", "../x"], "cannot name a version"),
        (["build", "starter", "--name", "hdd"], "is the name of a path"),
        (["build", "starter", "--option", "nosuch"], "has no option “nosuch”"),
        (["build"], "the following arguments are required: RECIPE"),
        (["deploy", "nosuch"], "does not exist on local. Sealed are: none."),
        (["revert"], "There is no earlier healthy version on local"),
        (["revert", "nosuch"], "does not exist"),
        (["diff", "a", "b"], "There is no sealed version “a” on local"),
        (["diff", "../a", "b"], "cannot name a version"),
        (["log", "99"], "There is no operation 99"),
        (["log", "x"], "invalid int value"),
        (["cancel", "99"], "There is no operation 99"),
        (["status", "--machine", "nosuch"], "There is no machine “nosuch”; there are: local."),
        (["status", "--nosuch"], "unrecognized arguments: --nosuch"),
        (["operations", "--limit", "0"], "--limit must be 1 or more"),
        (["recipe-import", "/no/such/file"], "cannot be read: No such file or directory"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_refusals_are_one_line_and_2(
    machine: Machine, recipe: RecipeRevision, argv: list[str], why: str, options: list[str]
) -> None:
    result = Result(*argv, *options)
    assert (result.status, result.out) == (2, "")
    assert why in result.err
    assert result.err.count("\n") == 1
    assert not Operation.objects.exists()


def test_one_of_two_machines_must_be_named(machine: Machine, elsewhere: Machine) -> None:
    assert "Say which machine with --machine; there are: gp12, local." in Result("status").err


def test_a_busy_lane(machine: Machine, recipe: RecipeRevision, broker: Broker) -> None:
    assert Result("build", "starter", "--detach").status == 0
    assert "local is busy: the build of" in Result("build", "starter").err


def test_build_follows_to_success(machine: Machine, recipe: RecipeRevision, lane: None) -> None:
    result = Result("build", "starter", "--name", "a", "--option", "extensions", "--reason", "why")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("── Do succeed\n── End\nbuild #")
    operation = Operation.objects.get()
    assert (operation.reason, operation.parameters["options"]) == ("why", ["extensions"])


def test_build_with_json_prints_one_document(machine: Machine, recipe: RecipeRevision, lane: None) -> None:
    document = Result("build", "starter", "--name", "a", "--json").json
    assert (document["state"], document["version"], document["children"]) == ("succeeded", "a", [])
    assert [step["state"] for step in document["steps"]] == ["succeeded", "succeeded"]


def test_build_whose_deploy_could_not_begin_is_1(
    machine: Machine, recipe: RecipeRevision, sealed: Seal, broker: Broker
) -> None:
    operations.submit(machine=machine, kind="deploy", parameters={"version": "x"})
    asked = operations.build(machine=machine, recipe_name="starter", name="a", deploy=True, requested_by=None)
    running.run(asked.pk, plan_for=tiny.plan_for)
    result = Result("log", str(asked.pk), "--follow")
    assert result.status == 1


def test_detach_prints_the_id(machine: Machine, recipe: RecipeRevision, broker: Broker) -> None:
    result = Result("build", "starter", "--detach")
    assert result.out.strip() == str(Operation.objects.get().pk)
    operations.request_cancel(operation=Operation.objects.get(), by=None)
    assert Result("build", "starter", "--detach", "--json").json == {"id": Operation.objects.latest("pk").pk}


def test_deploy_and_revert(machine: Machine, sealed: Seal, lane: None) -> None:
    activate(sealed("a"))
    activate(sealed("b"))
    assert "“b” is active." in Result("deploy", "b").out
    assert "“a” is active again." in Result("revert", "a", "--reason", "b breaks plots").out
    assert Operation.objects.filter(kind="revert", reason="b breaks plots").exists()


def test_versions(machine: Machine, sealed: Seal) -> None:
    assert "There is no version yet" in Result("versions").out
    sealed("a")
    sealed("b")
    assert [item["name"] for item in Result("versions", "--json").json] == ["b", "a"]
    assert Result("versions").out.startswith("VERSION  SEALED")


def test_diff(machine: Machine, sealed: Seal) -> None:
    sealed("a")
    sealed("b")
    assert Result("diff", "a", "b", "--json").json == {
        "a": "a", "b": "b", "environments": {}, "kernelspecs": {"added": {}, "removed": {}, "changed": {}},
    }  # fmt: skip
    assert Result("diff", "a", "b").out == "No package or kernelspec differs.\n"


def test_diff_of_what_only_the_record_knows(elsewhere: Machine, machine: Machine, sealed: Seal) -> None:
    row, other = sealed("a"), sealed("b")
    row.packages, other.packages = {"anaconda3": {"numpy": "1", "six": "1"}}, {"anaconda3": {"numpy": "2", "zope": "1"}}
    for version in (row, other):
        version.machine = elsewhere
        version.save()
    result = Result("diff", "a", "b", "--machine", "gp12")
    assert result.out == "anaconda3\n  ~ numpy 1 → 2\n  - six 1\n  + zope 1\n"


def test_operations(ended: Callable[..., Operation]) -> None:
    assert Result("operations").out == "Nothing was asked for yet.\n"
    ended("fail")
    done = ended("succeed")
    assert [item["state"] for item in Result("operations", "--json").json] == ["succeeded", "failed"]
    assert [item["id"] for item in Result("operations", "--json", "--limit", "1").json] == [done.pk]
    assert "The package nosuch does not exist." in Result("operations", "--machine", "local").out


def test_log(ended: Callable[..., Operation]) -> None:
    done = ended("print:3", "fail")
    assert Result("log", str(done.pk)).out.splitlines() == [
        "── Do print:3", "line 0", "line 1", "line 2", "── Do fail",
        "error: The package nosuch does not exist.", "fail was undone", "print:3 was undone",
    ]  # fmt: skip
    document = Result("log", str(done.pk), "--json").json
    assert document["operation"]["state"] == "failed"
    assert [line["n"] for line in document["lines"]] == list(range(1, 9))
    assert Result("log", str(done.pk), "--follow").status == 1


@pytest.mark.parametrize(("work", "expected"), [("succeed", 0), ("fail", 1), ("bug", 1), ("refuse", 2)])
def test_following_ends_with_the_outcome(ended: Callable[..., Operation], work: str, expected: int) -> None:
    assert Result("log", str(ended(work).pk), "--follow", "--json").status == expected


def test_cancel(machine: Machine, broker: Broker) -> None:
    operation = operations.submit(machine=machine, kind="build", parameters={"version": "a"})
    assert "was cancelled before it began" in Result("cancel", str(operation.pk)).out
    assert "has already ended: Cancelled by the command line before" in Result("cancel", str(operation.pk)).err
    running_one = operations.submit(machine=machine, kind="build", parameters={"version": "a"})
    operations.claim(operation_id=running_one.pk)
    assert "was asked to end" in Result("cancel", str(running_one.pk)).out


def test_recipe_import(tmp_path: Path, recipe: RecipeRevision) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(recipe.text + "\n# edited\n")
    assert Result("recipe-import", str(file)).out == "starter is at revision 2.\n"
    assert Result("recipe-import", str(file), "--json").json == {"recipe": "starter", "revision": 2}


def test_ctrl_c_leaves_the_operation_running(machine: Machine, broker: Broker, tmp_path: Path) -> None:
    operation = operations.submit(machine=machine, kind="build", parameters={"version": "a"})
    writer = LogWriter(operation.pk)
    writer.sink(Event("output", "it has begun"))
    database = databases.url()
    variables = {**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "dlstackweb.settings"}
    following = subprocess.Popen(
        [sys.executable, "manage.py", "log", str(operation.pk), "--follow"],
        cwd=REPOSITORY, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert following.stdout
    assert following.stdout.readline() == "it has begun\n"
    following.send_signal(2)
    _, err = following.communicate(timeout=10)
    assert following.returncode == 130
    assert f"Operation #{operation.pk} goes on: “dlstack log {operation.pk} --follow” shows it" in err
    operation.refresh_from_db()
    assert operation.state == "queued"
    writer.close("cancelled")


def test_the_command_itself(home: Home) -> None:
    """The real command in a home where nothing runs yet: it sets up what it needs, and refuses in one line."""
    refused = home.dlstack("build", "nosuch", "--json", check=False)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert home.json("status")["machine"] == "local"
    assert not (home.path / "run" / "supervisor.sock").exists()
