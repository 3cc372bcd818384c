from __future__ import annotations

import subprocess

from django.test import Client

from kernels.models import Inventory, KernelCheck
from stacks.models import Machine
from tests.engine.conftest import Runner
from tests.kernels.conftest import add_version
from tests.kernels.corpus import Stage

ADDRESS = "/machines/local/kernels/"


def test_it_works(as_operator: Client, live: Stage, failed: KernelCheck) -> None:
    page = as_operator.get(ADDRESS).content.decode()
    assert "a is live" in page
    assert "missing-interpreter" in page
    assert "not pinned" in page
    assert "stderr &lt;script&gt;" in page
    assert "<script>alert" not in page
    assert 'name="depth" value="launch"' in page


def test_what_runs_is_counted(as_viewer: Client, live: Stage, runner: Runner) -> None:
    live.layout.live.unlink()
    runner.run("deploy", version="a", override_health=True)
    sleeper = live.layout.live / "anaconda3/bin/python"
    assert as_viewer.get(ADDRESS).context["running"] == []
    argv = [str(sleeper), f"{live.prefix}/lib/tiny_kernel.py", "/nowhere.json", "well"]
    program = live.layout.resident("a") / "anaconda3/lib/tiny_kernel.py"
    program.unlink()
    program.write_text("import sys; print(1, flush=True); sys.stdin.read()")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=live.layout.live) as process:
        assert process.stdout is not None
        process.stdout.readline()
        page = as_viewer.get(ADDRESS)
        process.communicate()
    [found] = page.context["running"]
    assert (found.version, found.kernel, found.count) == ("a", "well", 1)
    assert "Running now" in page.content.decode()


def test_of_a_version(as_operator: Client, live: Stage) -> None:
    page = as_operator.get(ADDRESS, {"version": "a"}).content.decode()
    assert "a version of local" in page
    assert '<input type="hidden" name="version" value="a">' in page


def test_a_viewer_sees_no_buttons(as_viewer: Client, live: Stage) -> None:
    page = as_viewer.get(ADDRESS).content.decode()
    assert "missing-interpreter" in page
    assert 'name="depth"' not in page
    assert "Publish" not in page


def test_another_machine_as_its_worker_saw_it(as_viewer: Client, elsewhere: Machine, live: Stage) -> None:
    own = as_viewer.get(ADDRESS).context["seen"].kernels
    address = "/machines/gp12/kernels/"
    assert "No kernel is known here" in as_viewer.get(address).content.decode()
    elsewhere.observed = {"active": "a"}
    elsewhere.save()
    Inventory.objects.create(machine=elsewhere, version="old", live=True, taken_at=elsewhere.created_at, kernels=[])
    Inventory.objects.create(machine=elsewhere, version="a", live=True, taken_at=elsewhere.created_at, kernels=own)
    page = as_viewer.get(address).content.decode()
    assert "missing-interpreter" in page
    assert "seen <time" in page


def test_on_record_but_not_on_disk(as_viewer: Client, machine: Machine, live: Stage) -> None:
    add_version(machine, "gone", [])
    page = as_viewer.get(ADDRESS, {"version": "gone"}).content.decode()
    assert "does not exist" in page


def test_nothing_live(as_viewer: Client, machine: Machine) -> None:
    assert "Nothing is live" in as_viewer.get(ADDRESS).content.decode()


def test_missing(as_viewer: Client, machine: Machine) -> None:
    assert as_viewer.get("/machines/none/kernels/").status_code == 404
    assert as_viewer.get(ADDRESS, {"version": "none"}).status_code == 404


def test_a_stranger_is_sent_to_sign_in(stranger: Client, machine: Machine) -> None:
    assert stranger.get(ADDRESS).status_code == 302


def test_it_is_only_read(as_operator: Client, machine: Machine) -> None:
    assert as_operator.post(ADDRESS).status_code == 405
