"""Every route × nobody, wrong role, no CSRF token, wrong method, garbage: answers as expected, never a 500 (N16)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from access import credentials, roles, tokens
from access.roles import Role
from dlstackweb.headers import HEADERS
from stacks.joining import MARK
from stacks.models import Joining, Machine, Operation, RecipeRevision, Rollout, RolloutTarget
from tests import planned
from tests.access.routes import ANYBODY, JOIN, ROUTES, SIGNED_IN, TOKEN, address, all_names
from tests.conftest import People, with_role
from tests.faults.conftest import record
from tests.kernels.conftest import add_version

NAMES = sorted(ROUTES)
UNSAFE = [name for name in NAMES if ROUTES[name].posts]
WITH_ROLE = [name for name in NAMES if ROUTES[name].who in Role.values]
BY_HEADER = (TOKEN, JOIN)
JOINS = credentials.mint(MARK)  # the join token of the site
OF_PROGRAMS = [name for name in NAMES if ROUTES[name].who == TOKEN]
# Everybody with a role may look at an incident; it is the revert in it that is an operator's.
LOOKED_AT_BY_ALL = "stacks:machine-incident"
CSRF_COOKIE = "dlstack_csrf_8000"


@pytest.fixture
def site(
    elsewhere: Machine, people: People, recipe: RecipeRevision, operation: Callable[..., Operation], no_broker: None
) -> dict[str, int]:
    """A machine with two versions, a recipe and an operation; gives everybody's number."""
    for name in "ab":
        add_version(elsewhere, name, [], active=True)
    listed = [{"name": name, "sealed": True, "bytes": 1, "unique_bytes": 1} for name in "ab"]
    elsewhere.observed = {"active": "b", "backing": "b", "resident": ["a", "b"], "versions": listed}
    elsewhere.save()
    operation("failed", "verify", machine=elsewhere, parameters={"version": "a"}, pk=1)
    Operation.objects.filter(pk=1).update(lane="build")
    until, known = timezone.now() + timedelta(hours=1), {"prefix": JOINS.prefix, "digest": JOINS.digest}
    Joining.objects.create(pk=1, name="gp13", root="/data0", created_by=people.admin, expires_at=until, **known)
    stopped = Rollout.objects.create(pk=999, kind="deploy", version="a", state="stopped")
    RolloutTarget.objects.create(rollout=stopped, machine=elsewhere, order=0, batch=0, version="a", state="failed")
    planned.schedule(elsewhere, people.operator, pk=999)
    planned.window(Machine.objects.create(name="gp99", root="/data0"), begins=-timedelta(hours=1), pk=999)
    return {user.username: user.pk for user in (people.viewer, people.operator, people.admin)}


def client_for(who: str, **options: Any) -> Client:
    """Give a client that may just what a route needs."""
    client = Client(raise_request_exception=False, **options)
    if who == ANYBODY:
        return client
    if who == JOIN:
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {JOINS.text}"
        return client
    role = {SIGNED_IN: Role.VIEWER, TOKEN: Role.OPERATOR}.get(who, who)
    user = User.objects.filter(username=f"some-{role}").first() or with_role(role, f"some-{role}")
    if who == TOKEN:
        text = tokens.issue(user=user, name="ci", role=Role.OPERATOR, days=7, by=user)[1]
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {text}"
    else:
        client.force_login(user)
    return client


def send(client: Client, name: str, where: str, **headers: str) -> Any:
    """Send the right fields, as a form or as JSON."""
    if ROUTES[name].who in BY_HEADER:
        return client.post(where, json.dumps(ROUTES[name].fields), content_type="application/json", headers=headers)
    return client.post(where, ROUTES[name].fields, headers=headers)


@contextmanager
def nothing_is_asked_for() -> Iterator[None]:
    """Fail where an operation was submitted."""
    before = Operation.objects.count()
    yield
    assert Operation.objects.count() == before


class Wrong(list[str]):
    """What was not as expected, told all at once; `looked` counts what was looked at."""

    looked = 0

    def unless(self, holds: bool, *what: object) -> None:
        """Note what was looked at, unless all is well."""
        self.looked += 1
        if not holds:
            self.append(" ".join(map(str, what)))


@pytest.fixture
def wrong(request: pytest.FixtureRequest) -> Iterator[Wrong]:
    found = Wrong()
    yield found
    if not hasattr(request.node, "callspec"):  # else it is one of many alike
        what = request.node.name.removeprefix("test_").replace("_", " ")
        print(*found, sep="\n")
        record(f"routes: {what}", goal="0 wrong", got=f"{found.looked} answers, {len(found)} wrong", ok=not found)
    assert not found, "\n".join(found)


def test_every_route_is_known_here() -> None:
    assert sorted(all_names()) == NAMES, "say in tests/access/routes.py how to call it, and who may"


@pytest.mark.parametrize("name", NAMES)
def test_who_may_is_answered(site: dict[str, int], name: str) -> None:
    route, where = ROUTES[name], address(name, site)
    client = client_for(route.who, enforce_csrf_checks=True)
    if route.gets:
        assert client.get(where).status_code == route.gets
    if route.posts:
        # The cookie comes with any form; a header that matches it is what htmx sends.
        client.get("/account/" if route.who in Role.values else "/sign-in/")
        token = client.cookies[CSRF_COOKIE].value if CSRF_COOKIE in client.cookies else ""
        assert send(client, name, where, **{"X-CSRFToken": token}).status_code == route.posts


def test_nobody_gets_anywhere(site: dict[str, int], wrong: Wrong) -> None:
    nobody = client_for(ANYBODY)
    with nothing_is_asked_for():
        for name in NAMES:
            route, where = ROUTES[name], address(name, site)
            if route.who == ANYBODY:
                continue
            for answer in [nobody.get(where)] * bool(route.gets) + [send(nobody, name, where)] * bool(route.posts):
                to_sign_in = answer.headers.get("Location", "").startswith("/sign-in/?next=")
                # A feed is not there for who may not read it.
                expected = answer.status_code == dict.fromkeys(BY_HEADER, 401).get(
                    route.who, 404 if "atom" in where else 302
                )
                wrong.unless(expected and (to_sign_in or answer.status_code != 302), name, answer)


def test_a_role_that_is_too_low_is_told_which_it_needs(site: dict[str, int], wrong: Wrong) -> None:
    clients = {str(role): client_for(role) for role in Role}
    roleless = clients["none"] = Client(raise_request_exception=False)
    roleless.force_login(User.objects.create_user("roleless"))
    with nothing_is_asked_for():
        for name in WITH_ROLE:
            route, where = ROUTES[name], address(name, site)
            for role in ["none", *list(Role)[: list(Role).index(Role(route.who))]]:
                looks = bool(route.gets) and not (name == LOOKED_AT_BY_ALL and role == Role.VIEWER)
                client = clients[role]
                for answer in [client.get(where)] * looks + [send(client, name, where)] * bool(route.posts):
                    told = answer.status_code == 403 and not answer.streaming
                    said = "Your role does not allow this" if told else ""
                    wrong.unless(told and said in answer.content.decode(), role, name, answer)
                    needed = "" if name == LOOKED_AT_BY_ALL or "operation-" in name else route.who
                    wrong.unless(needed in answer.content.decode(), role, name, needed)


def test_the_api_tells_a_weak_token_which_role_it_needs(site: dict[str, int], people: People, wrong: Wrong) -> None:
    text = tokens.issue(user=people.operator, name="weak", role="viewer", days=7, by=people.operator)[1]
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {text}"})
    with nothing_is_asked_for():
        for name in OF_PROGRAMS:
            if ROUTES[name].posts:
                answer = send(client, name, address(name, site))
                wrong.unless(answer.status_code == 403 and b"needs the role operator" in answer.content, name, answer)
        roles.assign(people.operator, None)
        for name in OF_PROGRAMS:
            where = address(name, site)
            answer = send(client, name, where) if ROUTES[name].posts else client.get(where)
            wrong.unless(answer.status_code == 403, name, answer)


def test_what_changes_something_needs_the_token_of_the_form(site: dict[str, int], wrong: Wrong) -> None:
    assert len(UNSAFE) > 40
    client, programless = client_for(Role.ADMIN, enforce_csrf_checks=True), client_for(Role.ADMIN)
    with nothing_is_asked_for():
        for name in UNSAFE:
            where = address(name, site)
            if ROUTES[name].who in BY_HEADER:  # no browser's session opens these, so that no other site can make it
                wrong.unless(send(programless, name, where).status_code == 401, name)
                continue
            for headers in ({}, {"HX-Request": "true"}, {"X-CSRFToken": "x" * 64}):
                answer = send(client, name, where, **headers)
                told = answer.status_code == 403 and "The form was too old" in answer.content.decode()
                wrong.unless(told, name, headers, answer)


def test_other_methods_are_refused(site: dict[str, int], wrong: Wrong) -> None:
    clients = {who: client_for(who) for who in {route.who for route in ROUTES.values()}}
    with nothing_is_asked_for():
        for name in NAMES:
            route, where = ROUTES[name], address(name, site)
            takes = {"get": route.gets, "post": route.posts}
            for method in ("get", "post", "put", "patch", "delete", "trace"):
                if not takes.get(method):
                    answer = getattr(clients[route.who], method)(where)
                    # The root of the API is not there, whatever the method.
                    wrong.unless(answer.status_code == (404 if name == "api:api-root" else 405), method, name, answer)


BAD = "\0<script>alert(1)</script>\u202e%s{{7*7}}'\"--" + "x" * 3000
FIELDS = ("reason", "name", "text", "seen", "version", "recipe", "role", "next", "username")
FORM = "application/x-www-form-urlencoded"
GARBAGE: list[dict[str, Any]] = [
    {"data": {}},
    {"data": dict.fromkeys(FIELDS, BAD)},
    {"data": dict.fromkeys(FIELDS, BAD[1:])},
    {"data": b"\xff\xfe\0\x80" * 50, "content_type": FORM},
    {"data": b"a=%00&b=%ff%fe&" + b"c=1&" * 1200, "content_type": FORM},
    {"data": b"--x\r\nbroken", "content_type": "multipart/form-data; boundary=x"},
    {"data": b"{" * 5000, "content_type": "application/json"},
    {"data": b'{"recipe": "\\u0000", "seen": "\\ud800", "version": 1e999}', "content_type": "application/json"},
    {"data": b'{"recipe": "\\ud800", "version": "\\ud800", "seen": "b"}', "content_type": "application/json"},
    {"data": b"x" * 3_000_000, "content_type": "text/plain"},
]
QUERIES: list[dict[str, Any]] = [
    {"q": BAD, "line": "9" * 50, "page": "-1", "after": BAD, "hours": "1e9", "before": "9" * 30, "from": "x"},
    {"machine": BAD[1:], "sort": "-\u202e", "version": "../../etc", "limit": "0", "first": "-9", "sesame": "é"},
    {"q": "x" * 6000, "to": "9" * 30, "from": "-1", "kind": "\N{REPLACEMENT CHARACTER}", "before": "0", "to ": "1"},
]
ADDRESSES = ("%00", "a%0ab", "%2e%2e%2f%2e%2e%2fetc", "9" * 200, "%ff%e2%80%ae")


def test_garbage_in_queries_is_never_a_failure(site: dict[str, int], wrong: Wrong) -> None:
    clients = {who: client_for(who) for who in {route.who for route in ROUTES.values()}}
    for name in NAMES:
        for query in QUERIES if ROUTES[name].gets else ():
            answer = clients[ROUTES[name].who].get(address(name, site), query)
            wrong.unless(answer.status_code < 500 or name == "readyz", name, query, answer)


@pytest.mark.parametrize("name", UNSAFE)
def test_garbage_in_bodies_is_never_a_failure(site: dict[str, int], wrong: Wrong, name: str) -> None:
    route, where = ROUTES[name], address(name, site)
    client, before = client_for(route.who), Operation.objects.count()
    for body in GARBAGE:
        answer = client.post(where, **body)
        wrong.unless(answer.status_code < 500, name, str(body)[:200], answer)
    asks_nothing = not set(route.fields) - {"reason", "seen", "version"}
    assert Operation.objects.count() == before or asks_nothing, "garbage asked for something"


def test_garbage_in_addresses_is_not_there(site: dict[str, int], wrong: Wrong) -> None:
    clients = {who: client_for(who) for who in {route.who for route in ROUTES.values()}}
    with nothing_is_asked_for():
        for name in NAMES:
            route = ROUTES[name]
            # A page says of what is not in the library that it is not, and offers nothing.
            fine = {302, 400, 404, 409, 422} | ({200} if "install" in name else set())
            for bad in ADDRESSES if route.arguments else ():
                where, client = _with_bad_argument(name, site, bad), clients[route.who]
                answers = [client.get(where)] * bool(route.gets) + [send(client, name, where)] * bool(route.posts)
                for answer in answers:
                    wrong.unless(answer.status_code in fine, name, bad, answer)


def _with_bad_argument(name: str, people: dict[str, int], bad: str) -> str:
    """Put garbage where the last argument of a route stands."""
    [*_, last] = ROUTES[name].arguments.values()
    head, _, tail = address(name, people).rpartition(f"/{people.get(last, last)}")
    return f"{head}/{bad}{tail}"


EXPECTED = {
    "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin", "Permissions-Policy": HEADERS["Permissions-Policy"],
    "Cross-Origin-Resource-Policy": "same-origin",
}  # fmt: skip


def test_every_answer_tells_browsers_what_they_may(site: dict[str, int], wrong: Wrong) -> None:
    clients = {who: client_for(who) for who in {route.who for route in ROUTES.values()}}
    for name in NAMES:
        for client in (clients[ROUTES[name].who], clients[ANYBODY]):
            headers = client.get(address(name, site)).headers
            policy = headers["Content-Security-Policy"]
            wrong.unless("default-src 'none'" in policy and "frame-ancestors 'none'" in policy, name, policy)
            wrong.unless("unsafe" not in policy and "*" not in policy, name, policy)
            wrong.unless(EXPECTED.items() <= dict(headers.items()).items(), name, headers)
            cached = headers["Cache-Control"]
            wrong.unless("private" in cached or "no-cache" in cached or "no-store" in cached, name, cached)
