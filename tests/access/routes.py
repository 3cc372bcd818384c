"""Every address of the site: how it is called, and who may. A new one is one line here, or the walk fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from access.roles import Role

ANYBODY, SIGNED_IN, TOKEN, JOIN = "anybody", "signed in", "token", "join token"


@dataclass(frozen=True)
class Route:
    """How a route is called: by which methods, with which arguments and fields, and who may at least.

    `posts` is what a correct POST answers with; `gets` what a correct GET does; 0 for a method that it does not take.
    """

    who: str
    gets: int = 200
    posts: int = 0
    arguments: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)


def looks(who: str = Role.VIEWER, gets: int = 200, **arguments: Any) -> Route:
    """Call what is only read."""
    return Route(who, gets, arguments=arguments)


def asks(who: str, posts: int, fields: dict[str, Any], gets: int = 200, **arguments: Any) -> Route:
    """Call what shows a form and takes it."""
    return Route(who, gets, posts, arguments, fields)


def sends(who: str, posts: int, fields: dict[str, Any], **arguments: Any) -> Route:
    """Call what is only sent."""
    return Route(who, 0, posts, arguments, fields)


M: dict[str, Any] = {"name": "gp12"}
A, B = {**M, "version": "a"}, {**M, "version": "b"}
WHY = {"reason": "why"}
NIGHTS = {"from_day": "4", "from_time": "16:00", "to_day": "0", "to_time": "08:00"}
CLOCK = {"time_zone": "UTC", "unit": "60", "grace": "60"}

ROUTES: dict[str, Route] = {
    "livez": looks(ANYBODY),
    "readyz": looks(ANYBODY, 503),  # no broker runs beside these tests
    # --- people -----------------------------------------------------------------------------------------------------
    "access:sign-in": asks(ANYBODY, 200, {"username": "operator", "password": "wrong"}),
    "access:sign-in-link": looks(ANYBODY, 403),
    "access:sign-out": sends(ANYBODY, 302, {}),
    "access:account": looks(),
    "access:password": asks(Role.VIEWER, 422, {"new_password1": "x"}),
    "access:sign-out-everywhere": sends(Role.VIEWER, 302, {}),
    "access:token-add": sends(Role.VIEWER, 201, {"name": "ci", "role": "viewer", "days": "7"}),
    "access:token-revoke": sends(Role.VIEWER, 404, {}, pk=99),
    "access:people": looks(Role.ADMIN),
    "access:person-add": asks(Role.ADMIN, 302, {"name": "carol", "role": "viewer"}),
    "access:person": looks(Role.ADMIN, pk="viewer"),
    "access:person-role": sends(Role.ADMIN, 302, {"role": "operator", "seen": "viewer"}, pk="viewer"),
    "access:person-close": sends(Role.ADMIN, 302, {}, pk="viewer"),
    "access:person-open": sends(Role.ADMIN, 302, {}, pk="viewer"),
    "access:person-sign-out": sends(Role.ADMIN, 302, {}, pk="viewer"),
    "access:person-link": sends(Role.ADMIN, 201, {}, pk="viewer"),
    "access:person-token-revoke": sends(Role.ADMIN, 404, {}, pk="viewer", token=99),
    "access:trail": looks(Role.ADMIN),
    # --- machines and versions --------------------------------------------------------------------------------------
    "stacks:dashboard": looks(),
    "stacks:machine": looks(**M),
    "stacks:build": asks(Role.OPERATOR, 302, {"recipe": "starter", "name": "c"}, **M),
    "stacks:solve": sends(Role.OPERATOR, 302, {"recipe": "starter"}, **M),
    "stacks:drift": looks(**M),
    "stacks:processes": looks(**M),
    "stacks:settings": asks(Role.ADMIN, 302, {"backup_every": "6", "strategy": "sandbox"}, **M),
    # Without PostgreSQL no machine can join, which is said.
    "stacks:machine-add": asks(Role.ADMIN, 409, {"name": "gp13", "root": "/data0", "layout": "resident"}),
    "stacks:machine-join": asks(Role.ADMIN, 409, {}, **M),
    "stacks:joining": looks(Role.ADMIN, pk=1),
    "stacks:joining-withdraw": sends(Role.ADMIN, 302, {}, pk=1),
    "stacks:rename": asks(Role.ADMIN, 302, {"name": "gp13"}, **M),
    "stacks:forget": asks(Role.ADMIN, 302, {"name": "gp12"}, **M),
    "stacks:incident": looks(),
    "stacks:machine-incident": asks(Role.OPERATOR, 302, {"version": "a", "seen": "b", **WHY}, **M),
    "stacks:timeline": looks(**M),
    "stacks:freeze": asks(Role.OPERATOR, 302, {"do": "freeze", **WHY}, **M),
    "stacks:action": asks(Role.OPERATOR, 302, {"seen": "b"}, **M, action="backup"),
    "stacks:version": looks(**A),
    "stacks:label": sends(Role.OPERATOR, 302, {"note": "keep"}, **A),
    "stacks:clear": asks(Role.OPERATOR, 409, WHY, 302, **A),
    "stacks:copy": asks(Role.OPERATOR, 422, {}, **A),
    "stacks:version-action": asks(Role.OPERATOR, 302, {}, **A, action="verify"),
    "stacks:deploy": asks(Role.OPERATOR, 302, {"seen": "b"}, **A),
    "stacks:revert": asks(Role.OPERATOR, 302, {"seen": "b", "version": "a"}, **M),
    "stacks:releases": looks(**M),
    "stacks:release": looks(**B),
    "stacks:release-feed": looks(**M),
    # --- operations, recipes, the rest ------------------------------------------------------------------------------
    "stacks:activity": looks(),
    "stacks:activity-csv": looks(),
    "stacks:activity-json": looks(),
    "stacks:revert-all": asks(Role.OPERATOR, 302, {"to": "gp12", "seen": "gp12 b a", **WHY}),
    "stacks:comparison": looks(),
    "stacks:rollouts": looks(),
    "stacks:rollout-add": asks(
        Role.OPERATOR,
        302,
        {"version": "a", "to": "gp12", "canary": "1", "batch": "0", "pause": "0", "on_failure": "stop"},
    ),
    "stacks:rollout": looks(pk=999),
    "stacks:rollout-resume": sends(Role.OPERATOR, 302, {}, pk=999),
    "stacks:rollout-cancel": sends(Role.OPERATOR, 302, {}, pk=999),
    "stacks:schedules": looks(),
    "stacks:schedule-add": asks(
        Role.OPERATOR,
        302,
        {"name": "weekly", "kind": "verify", "machine": "gp12", "repeats": "cron", "cron": "0 3 * * 0", **CLOCK},
    ),
    "stacks:schedule": looks(pk=999),
    "stacks:schedule-edit": asks(Role.OPERATOR, 422, {"name": "x"}, pk=999),
    "stacks:schedule-do": sends(Role.OPERATOR, 302, {"do": "run"}, pk=999),
    "stacks:schedule-delete": asks(Role.OPERATOR, 302, {}, pk=999),
    "stacks:windows": looks(),
    "stacks:window-add": asks(Role.OPERATOR, 302, {"name": "Nights", "repeats": "weekly", **NIGHTS, **CLOCK, **WHY}),
    "stacks:window": asks(Role.OPERATOR, 422, {"name": "x"}, pk=999),
    "stacks:window-lift": asks(Role.OPERATOR, 302, WHY, pk=999),
    "stacks:window-delete": asks(Role.OPERATOR, 302, {}, pk=999),
    "stacks:operations": looks(),
    "stacks:operation": looks(pk=1),
    "stacks:operation-log": looks(pk=1),
    "stacks:operation-search": looks(pk=1),
    "stacks:operation-first-error": looks(gets=302, pk=1),
    "stacks:operation-raw": looks(pk=1),
    "stacks:operation-stream": looks(pk=99, gets=404),  # one that is there never ends
    "stacks:operation-state": looks(pk=1),
    "stacks:cancel": sends(Role.OPERATOR, 409, {}, pk=1),
    "stacks:retry": sends(Role.OPERATOR, 302, {}, pk=1),
    "stacks:recipes": looks(),
    "stacks:recipe-import": asks(Role.ADMIN, 422, {"text": "no recipe"}),
    "stacks:recipe-check": sends(Role.ADMIN, 200, {"text": "no recipe"}),
    "stacks:recipe": looks(name="starter"),
    "stacks:recipe-edit": asks(Role.ADMIN, 422, {"text": "no recipe", "after": "1"}, name="starter"),
    "stacks:recipe-solve": sends(Role.OPERATOR, 302, {"machine": "gp12"}, name="starter"),
    "stacks:glossary": looks(),
    "stacks:styleguide": looks(gets=404),  # for developers only
    "stacks:theme": sends(ANYBODY, 302, {"theme": "dark"}),
    # --- kernels ----------------------------------------------------------------------------------------------------
    "kernels:matrix": looks(),
    "kernels:matrix-csv": looks(),
    "kernels:matrix-json": looks(),
    "kernels:validate": sends(Role.ADMIN, 422, {"text": "{"}),
    "kernels:machine": looks(**M),
    "kernels:check": sends(Role.OPERATOR, 302, {"depth": "static"}, **M),
    "kernels:publish": asks(Role.OPERATOR, 422, {"kernel": "tiny"}, **M),
    "kernels:install": asks(Role.OPERATOR, 302, {"expected": "b"}, **M, kernel="tiny"),
    "kernels:uninstall": asks(Role.OPERATOR, 302, {"expected": "b"}, **M, kernel="tiny"),
    "kernels:library": looks(**M),
    "kernels:add": asks(Role.ADMIN, 409, {"name": "x", "text": "{}"}, 409, **M),  # another machine's library
    "kernels:edit": asks(Role.ADMIN, 404, {"text": "{}"}, 404, **M, kernel="tiny"),
    "kernels:logo": looks(gets=404, **M, kernel="tiny", logo="logo-svg.svg"),
    "kernels:remove": asks(Role.ADMIN, 404, {}, 404, **M, kernel="tiny"),
    # --- the API ----------------------------------------------------------------------------------------------------
    "api:api-root": looks(SIGNED_IN, 404),
    "api:openapi-json": looks(SIGNED_IN),
    "api:machines": looks(TOKEN),
    "api:status": looks(TOKEN, **M),
    "api:versions": looks(TOKEN, **M),
    "api:operations": looks(TOKEN),
    "api:operation": looks(TOKEN, number=1),
    "api:log": looks(TOKEN, number=1),
    "api:build": sends(TOKEN, 202, {"recipe": "starter", "name": "c"}, **M),
    "api:deploy": sends(TOKEN, 202, {"version": "a", "seen": "b"}, **M),
    "api:revert": sends(TOKEN, 202, {"seen": "b"}, **M),
    "api:join": sends(JOIN, 409, {"look": True}),  # with the database of these tests no machine can join
    "api:cancel": sends(TOKEN, 409, {}, number=1),
    "api:compare": looks(TOKEN),
    "api:copy": sends(TOKEN, 409, {"version": "a", "to": ["gp12"]}),  # it is there already
    "api:latest": looks(TOKEN),
    "api:rollout": looks(TOKEN, number=999),
    "api:roll_out": sends(TOKEN, 202, {"version": "a", "to": {"gp12": "b"}}),
    "api:roll_back": sends(TOKEN, 202, {"to": {"gp12": "b"}}),
    "api:resume": sends(TOKEN, 202, {}, number=999),
    "api:end": sends(TOKEN, 202, {}, number=999),
}


def all_names() -> list[str]:
    """Name every route that Django resolves."""
    return list(_names(get_resolver().url_patterns, ""))


def _names(patterns: Any, space: str) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _names(pattern.url_patterns, f"{space}{inner}")
        elif isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}"


def address(name: str, people: dict[str, int]) -> str:
    """Give a route's address; an argument that names somebody is their number."""
    arguments = {key: people.get(value, value) for key, value in ROUTES[name].arguments.items()}
    return reverse(name, kwargs=arguments)
