"""Join tokens: good once, for an hour, for who may still give them; what is told, kept and shown of them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from access import roles
from access.models import AuditEntry
from stacks import joining
from stacks.engine.errors import Refused
from stacks.joining import reach
from stacks.models import Joining, Machine
from tests.conftest import People
from tests.stacks.joined import BROKER, DATABASE, SECRETS, committed, invite, post, shared

__all__ = ["committed", "shared"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shared")]


def trail() -> str:
    """Give all that the audit trail holds of machines and refusals."""
    return "\n".join(f"{one.who}|{one.address}|{one.what}|{one.old}|{one.new}" for one in AuditEntry.objects.all())


def test_a_token_gives_what_workers_need_and_makes_the_machine(admin: User, settings: Settings) -> None:
    made, text = invite(admin, layout="in-place", owner="datalab")
    assert not Machine.objects.exists()
    status, told = post(text)
    assert status == 200
    assert told["variables"] == {
        "DLSTACK_MACHINE": "gp13", "DLSTACK_ROOT": "/data0", "DLSTACK_OWNER": "datalab", "DATABASE_URL": DATABASE,
        "REDIS_URL": BROKER, "DLSTACK_SECRET_KEY": settings.DLSTACK.secret,
    }  # fmt: skip
    machine = Machine.objects.get()
    assert (machine.name, machine.root, machine.layout, machine.owner) == ("gp13", "/data0", "in-place", "datalab")
    made.refresh_from_db()
    assert (made.machine, made.used_from) == (machine, "127.0.0.1")


def test_machines_are_told_their_own_addresses_where_there_are_some(admin: User, settings: Settings) -> None:
    theirs = {"machines_database_url": "postgres://m@db.example.org/d", "machines_redis_url": "redis://b.example.org"}
    settings.DLSTACK = settings.DLSTACK.model_copy(update={**theirs, "allowed_sources": "/srv/wheels"})
    variables = post(invite(admin)[1])[1]["variables"]
    assert [variables[name] for name in ("DATABASE_URL", "REDIS_URL", "DLSTACK_ALLOWED_SOURCES")] == [
        *theirs.values(), "/srv/wheels",
    ]  # fmt: skip
    assert "DLSTACK_OWNER" not in variables


def test_a_look_uses_nothing_and_tells_no_secret(admin: User) -> None:
    text = invite(admin)[1]
    for _ in range(2):
        status, told = post(text, look=True)
        assert status == 200
        assert set(told) == {"machine", "root", "layout", "owner", "version", "schema"}
    assert not Machine.objects.exists()
    assert post(text)[0] == 200


def test_it_works_once(admin: User) -> None:
    text = invite(admin)[1]
    assert post(text)[0] == 200
    status, told = post(text)
    assert (status, "works once" in told["detail"], "variables" in told) == (409, True, False)
    assert Machine.objects.count() == 1


def test_of_two_at_once_one_joins(committed: None, admin: User) -> None:
    text, answers, together = invite(admin)[1], [], threading.Barrier(4)

    def join() -> None:
        together.wait(10)
        answers.append(post(text)[0])
        connection.close()

    threads = [threading.Thread(target=join) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [200, 409, 409, 409]
    assert Machine.objects.count() == 1


@pytest.mark.parametrize("end", ["expired", "withdrawn", "replaced", "closed", "demoted", "taken"])
def test_a_token_that_is_over_opens_nothing(people: People, end: str) -> None:
    made, text = invite(people.admin)
    if end == "expired":
        Joining.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if end == "withdrawn":
        joining.withdraw(joining=made, by=people.admin)
    if end == "replaced":
        invite(people.admin)
    if end == "closed":
        User.objects.filter(pk=people.admin.pk).update(is_active=False)
    if end == "demoted":
        roles.assign(people.admin, roles.Role.OPERATOR)
    if end == "taken":
        Machine.objects.create(name="gp13", root="/elsewhere")
    status, told = post(text)
    assert (status, "variables" in told) == (409, False)
    said = {"expired": "is over", "replaced": "was withdrawn", "closed": "is closed", "demoted": "role admin",
            "taken": "There is a machine “gp13” meanwhile", "withdrawn": "was withdrawn"}  # fmt: skip
    assert said[end] in told["detail"]
    made.refresh_from_db()
    assert made.used_at is None
    assert Machine.objects.filter(root="/data0").count() == 0


@pytest.mark.parametrize("text", ["", "dlj_", "dlj_00000000_x", "dls_{}", "é" * 50, "dlj_'--_x", "{}x", "x" * 9000])
def test_garbage_opens_nothing(admin: User, text: str) -> None:
    good = invite(admin)[1]
    # What a header can hold; the rest never comes here.
    sent = text.format(good).encode().decode("latin-1")
    assert post(sent) == (401, {"detail": "Unauthorized"})
    assert not Machine.objects.exists()


def test_the_right_prefix_is_not_enough(admin: User) -> None:
    text = invite(admin)[1]
    assert post(f"{text[:-1]}{'A' if text[-1] != 'A' else 'B'}")[0] == 401
    assert post(text)[0] == 200


def test_tries_are_counted_and_those_at_others_do_not_count(admin: User) -> None:
    text = invite(admin)[1]
    found = [post("dlj_00000000_guess")[0] for _ in range(12)]
    assert found == [401] * 10 + [429] * 2
    assert post(text)[0] == 200


def test_in_the_clear_it_is_refused_before_it_is_looked_at(admin: User) -> None:
    text = invite(admin)[1]
    far = Client(REMOTE_ADDR="192.0.2.7")
    status, told = post(text, far)
    assert (status, "without TLS" in told["detail"]) == (403, True)
    assert not Machine.objects.exists()
    secure = far.post(
        "/api/v1/join", "{}", "application/json", secure=True, headers={"Authorization": f"Bearer {text}"}
    )
    assert secure.status_code == 200
    assert Joining.objects.get().used_from == "192.0.2.7"


def test_answers_are_kept_nowhere_and_get_is_no_way_in(admin: User) -> None:
    text = invite(admin)[1]
    header = {"Authorization": f"Bearer {text}"}
    assert Client(headers=header).get("/api/v1/join").status_code == 405
    answer = Client(headers=header, enforce_csrf_checks=True).post("/api/v1/join", "{}", "application/json")
    assert (answer.status_code, "no-store" in answer.headers["Cache-Control"]) == (200, True)


def test_the_trail_tells_of_making_and_use_and_holds_no_secret(admin: User, settings: Settings) -> None:
    withdrawn, lost = invite(admin, "gp14")
    joining.withdraw(joining=withdrawn, by=admin)
    made, text = invite(admin)
    post(text)
    post(text)
    post("dlj_00000000_guess")
    told = trail()
    for said in (f"dlj_{made.prefix}… was made for the machine gp13", "was used: gp13 joined", "gp14 was withdrawn",
                 "POST /api/v1/join was refused (409)", "POST /api/v1/join was refused (401)"):  # fmt: skip
        assert said in told
    assert f"admin (join token dlj_{made.prefix}…)|127.0.0.1|" in told
    kept = f"{told}{list(Joining.objects.values())}"
    for secret in (text, text[13:], lost[13:], settings.DLSTACK.secret, *SECRETS, "br0ker"):
        assert secret not in kept


def test_only_admins_make_them(people: People) -> None:
    with pytest.raises(Refused, match="role admin"):
        invite(people.operator)
    assert not Joining.objects.exists()


def test_names_that_are_taken_are_refused(admin: User) -> None:
    Machine.objects.create(name="gp12", root="/data0")
    with pytest.raises(Refused, match="There is a machine “gp12” already"):
        invite(admin, "gp12")
    with pytest.raises(Refused, match="means the host of these pages"):
        invite(admin, "local")


def test_a_machine_that_is_here_joins_again(admin: User) -> None:
    machine = Machine.objects.create(name="gp12", root="/data1", owner="datalab", generation=7)
    _, text = joining.invite_again(machine=machine, by=admin)
    variables = post(text)[1]["variables"]
    assert (variables["DLSTACK_MACHINE"], variables["DLSTACK_ROOT"]) == ("gp12", "/data1")
    machine.refresh_from_db()
    assert (Machine.objects.count(), machine.generation) == (1, 7)
    assert machine.awaited_since is not None


@pytest.mark.parametrize(
    ("database", "broker", "says"),
    [
        ("", "redis://b", "is SQLite"),
        ("sqlite:////srv/d.sqlite3", "redis://b", "is SQLite"),
        ("postgres://u@/d", "redis://b", "database is named by a unix socket"),
        ("postgres://u@%2Frun%2Fpostgresql/d", "redis://b", "database is named by a unix socket"),
        ("postgres:///d?host=/run/postgresql", "redis://b", "database is named by a unix socket"),
        ("postgres://u:p@db/d", "", "broker is named by a unix socket"),
        ("postgres://u:p@db/d", "unix:///run/redis.sock", "broker is named by a unix socket"),
        ("postgres://u:p@db/d", "redis://:pw@b:6379/0", ""),
    ],
)
def test_why_no_machine_can_join(database: str, broker: str, says: str) -> None:
    found = reach.hindrance(database, broker)
    assert says in found
    assert bool(found) == bool(says)


def test_a_database_of_this_hosts_own_is_not_shared_by_naming_another(admin: User, settings: Settings) -> None:
    update: dict[str, Any] = {"database_url": "", "machines_database_url": DATABASE}
    settings.DLSTACK = settings.DLSTACK.model_copy(update=update)
    with pytest.raises(Refused, match="SQLite"):
        invite(admin)


def test_addresses_of_this_host_alone_are_remarked() -> None:
    assert len(joining.remarks()) == 2
    assert reach.remarks("postgres://u@db.example.org/d", "redis://b.example.org") == []
    assert "p$ss" not in "".join(joining.remarks())
