"""Copies as they are asked for: refused early, begun when a source is free, recorded as the same version."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from stacks import observation, operations, running, shell
from stacks.engine import versions
from stacks.engine.errors import NothingToDo, Refused
from stacks.engine.layout import Layout
from stacks.models import Machine, Operation, Version, Worker
from stacks.operations.submission import Busy
from tests.conftest import People
from tests.copying.receiving import seal, stack
from tests.copying.sshd import Server
from tests.stacks.conftest import layout, machine
from tests.stacks.views.conftest import as_admin, as_operator, as_viewer, stranger

__all__ = ["as_admin", "as_operator", "as_viewer", "layout", "machine", "stranger"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quiet(no_broker: None) -> None:
    """Nothing here needs a worker."""


@pytest.fixture
def keys(server: Server) -> Iterator[Server]:
    """Give this home the key and the host key that the server knows."""
    place = Path(settings.DLSTACK.home) / "ssh"
    place.mkdir(parents=True)
    for name in ("id_ed25519", "known_hosts"):
        shutil.copy2(server.place / name, place / name)
    yield server
    shutil.rmtree(place)


def add_machine(name: str, root: str, **fields: Any) -> Machine:
    made = Machine.objects.create(name=name, root=root, **{"address": f"{name}.example.org", **fields})
    Worker.objects.create(machine=made, lane="build", heard_at=timezone.now())
    return made


def add_version(machine: Machine, like: Version | None = None, name: str = "a", **fields: Any) -> Version:
    values: dict[str, Any] = {"files": 1, "bytes": 1, "unique_bytes": 1, "sealed_at": timezone.now(), "generation": 1}
    if like is not None:
        values |= {"uuid": like.uuid, "manifest_digest": like.manifest_digest}
    return Version.objects.create(machine=machine, name=name, **{**values, **fields})


@pytest.fixture
def gp02(machine: Machine, source: Layout, keys: Server) -> Machine:
    """A machine whose root has the same path, as far as the record knows, and lies elsewhere on this host."""
    seal(source, "a", stack(8))
    there = versions.describe(source, "a")
    assert there is not None
    made = add_machine("gp02", machine.root, address=keys.address)
    add_version(made, uuid=there.uuid, manifest_digest=there.manifest, files=there.files, bytes=there.bytes)
    return made


def ask(*machines: Machine, source: Machine | None = None, **more: Any) -> list[Operation]:
    version = operations.version_named("a", source, machines)
    return operations.copy(machines=machines, version=version, source=source, requested_by=None, **more)


def run(operation: Operation) -> Operation:
    running.run(operation.pk)
    operation.refresh_from_db()
    return operation


def test_it_is_recorded_as_the_same_version(machine: Machine, gp02: Machine) -> None:
    [asked] = ask(machine, reason="for all")
    assert (asked.kind, asked.lane, asked.state) == ("copy", "build", "queued")
    done = run(asked)
    assert done.state == "succeeded", done.message
    assert "copied from gp02 and sealed: 9 files came" in done.message
    here, there = machine.versions.get(), gp02.versions.get()
    assert (here.name, here.uuid, here.manifest_digest) == (there.name, there.uuid, there.manifest_digest)
    assert here.generation == done.parameters["generation"] == 1
    assert done.outcome["moved"]["files"] == 9
    assert [step["state"] for step in done.steps] == ["succeeded"] * 5
    observation.refresh(machine)
    assert machine.versions.get().pk == here.pk


def test_the_limit_is_the_machines_or_what_was_asked_for(machine: Machine, gp02: Machine) -> None:
    Machine.objects.filter(pk=machine.pk).update(copy_limit=300)
    machine.refresh_from_db()
    [asked] = ask(machine)
    assert asked.parameters["limit"] == 300
    operations.request_cancel(operation=asked, by=None)
    assert ask(machine, limit=0)[0].parameters["limit"] == 0


def test_the_page_tells_the_command_that_asks_for_the_same(machine: Machine, gp02: Machine) -> None:
    [asked] = ask(machine, source=gp02, limit=300, reason="for all")
    assert shell.command(asked) == "dlstack copy a --to=local --from=gp02 --bwlimit=300 '--reason=for all'"


def test_what_is_refused_before_anything_is_asked_for(machine: Machine, gp02: Machine) -> None:
    other = add_machine("gp09", "/srv")
    with pytest.raises(Refused, match=r"built for .*/sw and works nowhere else; the live path of gp09 is /srv/sw"):
        ask(machine, other)
    assert not Operation.objects.exists()  # not for the first of them either
    with pytest.raises(Refused, match="There is no version “a” on gp09"):
        ask(machine, source=other)
    same = add_machine("gp03", machine.root)
    add_version(same, gp02.versions.get())
    with pytest.raises(NothingToDo, match="it is there already"):
        operations.copy(machines=[same], version=gp02.versions.get(), requested_by=None)
    same.versions.update(manifest_digest="f" * 64)
    with pytest.raises(Refused, match="another version has that name there"):
        operations.copy(machines=[same], version=gp02.versions.get(), requested_by=None)
    with pytest.raises(Refused, match="not the same version on gp02, gp03: say from which"):
        ask(machine)
    ask(machine, source=gp02)
    with pytest.raises(Busy):
        ask(machine, source=gp02)


def test_nobody_to_copy_from(machine: Machine, gp02: Machine) -> None:
    Worker.objects.update(heard_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(Refused, match="gp02 was not heard of lately"):
        ask(machine)
    Worker.objects.update(heard_at=timezone.now())
    Machine.objects.filter(pk=gp02.pk).update(address="")
    with pytest.raises(Refused, match="gp02 has no address"):
        ask(machine)


def pulling(source: str, *targets: Machine) -> None:
    """Let machines be in the middle of a copy from one."""
    for target in targets:
        now = timezone.now()
        Operation.objects.create(
            machine=target, kind="copy", lane="build", state="running", started_at=now, heartbeat_at=now,
            parameters={"version": "a"}, outcome={"source": source},
        )  # fmt: skip


def test_a_copy_waits_until_a_source_is_free(machine: Machine, gp02: Machine) -> None:
    busy = [add_machine(f"gp1{number}", machine.root) for number in range(2)]
    pulling("gp02", *busy)
    [asked] = ask(machine)
    assert run(asked).state == "queued"
    assert "gives 2 copies already" in operations.waiting(asked)
    Operation.objects.filter(machine=busy[0]).update(state="failed", finished_at=timezone.now())
    assert operations.waiting(asked) == ""
    assert run(asked).state == "succeeded"


def test_who_has_just_got_it_gives_it_on(machine: Machine, gp02: Machine, keys: Server) -> None:
    pulling("gp02", *(add_machine(f"gp1{number}", machine.root) for number in range(2)))
    [asked] = ask(machine)
    assert run(asked).state == "queued"
    first = add_machine("gp20", machine.root, address=keys.address)
    add_version(first, gp02.versions.get(), name="also-a")
    done = run(asked)
    # It is called otherwise there; on disk both are the same tree of this test.
    assert done.outcome.get("source") == "gp20"
    assert "is not sealed on gp20" in done.message


def test_a_source_that_is_lost_while_it_waits_ends_it(machine: Machine, gp02: Machine) -> None:
    [asked] = ask(machine)
    gp02.versions.update(removed_at=timezone.now())
    done = run(asked)
    assert (done.state, done.outcome.get("refused")) == ("failed", True)
    assert "No other machine with the same live path has “a”" in done.message


def test_what_is_being_copied_is_not_removed(machine: Machine, gp02: Machine) -> None:
    seal(Layout(Path(machine.root)), "b", {"x": "x"})
    observation.refresh(machine)
    other = add_machine("gp03", machine.root)
    pulling("local", other)
    Operation.objects.update(parameters={"manifest": machine.versions.get().manifest_digest, "version": "b"})
    with pytest.raises(Refused, match="is being copied to another machine"):
        operations.remove(machine=machine, version="b", requested_by=None)


def test_a_failed_copy_is_retried_with_a_generation_of_now(machine: Machine, gp02: Machine, keys: Server) -> None:
    [asked] = ask(machine)
    keys.stop()
    assert run(asked).state == "failed"
    assert "cannot be reached" in asked.message
    keys.start()
    again = operations.retry(operation=asked, by=None)
    assert again.parameters["generation"] > asked.parameters["generation"]
    assert run(again).state == "succeeded"


class TestPage:
    ADDRESS = "/machines/gp02/versions/a/copy/"

    def test_it_shows_who_may_fetch_it(self, as_operator: Client, machine: Machine, gp02: Machine) -> None:
        add_machine("gp09", "/srv")
        page = as_operator.get(self.ADDRESS).content.decode()
        assert 'value="local"' in page
        assert "gp09" not in page
        machine.versions.all().delete()

    def test_it_submits_one_for_each(
        self, as_operator: Client, machine: Machine, gp02: Machine, people: People
    ) -> None:
        add_machine("gp03", machine.root)
        answer = as_operator.post(self.ADDRESS, {"to": ["local", "gp03"], "limit": "500", "reason": "why"})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/operations/")
        made = Operation.objects.order_by("machine__name")
        assert [one.machine.name for one in made] == ["gp03", "local"]
        assert {one.parameters["limit"] for one in made} == {500}
        assert {one.requested_by for one in made} == {people.operator}

    def test_one_leads_to_its_page(self, as_operator: Client, machine: Machine, gp02: Machine) -> None:
        answer = as_operator.post(self.ADDRESS, {"to": "local", "source": "gp02"})
        assert answer.headers["Location"] == f"/operations/{Operation.objects.get().pk}/"

    def test_bad_fields_and_refusals_are_shown(self, as_operator: Client, machine: Machine, gp02: Machine) -> None:
        for fields in ({}, {"to": "gp77"}, {"to": "local", "source": "gp77"}, {"to": "local", "limit": "-1"}):
            assert as_operator.post(self.ADDRESS, fields).status_code == 422
        Worker.objects.all().delete()
        answer = as_operator.post(self.ADDRESS, {"to": "local"})
        assert answer.status_code == 409
        assert "was not heard of lately" in answer.content.decode()
        assert not Operation.objects.exists()

    def test_others_are_refused(self, as_viewer: Client, stranger: Client, machine: Machine, gp02: Machine) -> None:
        assert as_viewer.get(self.ADDRESS).status_code == 403
        assert as_viewer.post(self.ADDRESS, {"to": "local"}).status_code == 403
        assert stranger.post(self.ADDRESS, {"to": "local"}).status_code == 302
        assert not Operation.objects.exists()

    def test_a_version_that_is_not_there(self, as_operator: Client, gp02: Machine) -> None:
        assert as_operator.get("/machines/gp02/versions/z/copy/").status_code == 404

    def test_a_machine_nobody_can_copy_to(self, as_operator: Client, machine: Machine, gp02: Machine) -> None:
        add_version(machine, gp02.versions.get())
        assert "There is no machine to copy it to" in as_operator.get(self.ADDRESS).content.decode()

    def test_a_version_page_has_the_button(self, as_operator: Client, as_viewer: Client, gp02: Machine) -> None:
        there = gp02.versions.get()
        listed = {"name": "a", "sealed": True, "bytes": 1, "unique_bytes": 1, "uuid": str(there.uuid)}
        Machine.objects.filter(pk=gp02.pk).update(observed={"versions": [listed]})
        assert self.ADDRESS in as_operator.get("/machines/gp02/versions/a/").content.decode()
        assert self.ADDRESS not in as_viewer.get("/machines/gp02/versions/a/").content.decode()


def test_settings_take_an_address_and_a_limit(as_admin: Client, machine: Machine) -> None:
    address = f"/machines/{machine.name}/settings/"
    fields = {"backup_every": "0", "strategy": "sandbox"}
    assert 'name="address"' in as_admin.get(address).content.decode()
    refused = as_admin.post(address, {**fields, "address": "-oProxyCommand=x"})
    assert refused.status_code == 422
    assert "is no address" in refused.content.decode()
    assert as_admin.post(address, {**fields, "address": "me@gp02:2222", "copy_limit": "900"}).status_code == 302
    machine.refresh_from_db()
    assert (machine.address, machine.copy_limit) == ("me@gp02:2222", 900)
    assert as_admin.post(address, fields).status_code == 302  # as one that knows nothing of these
    machine.refresh_from_db()
    assert (machine.address, machine.copy_limit) == ("me@gp02:2222", 900)
    assert as_admin.post(address, {**fields, "address": "", "copy_limit": ""}).status_code == 302
    machine.refresh_from_db()
    assert (machine.address, machine.copy_limit) == ("", 0)
