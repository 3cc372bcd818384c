"""Every page of the site, out of its URLconf, with addresses that exist where `tests.many` wrote the rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from stacks.forms import ACTIONS, VERSION_ACTIONS
from tests.many import Many

# What is asked of a page beside its plain address: where its rows are narrowed, sorted or far away.
QUERIES: dict[str, tuple[str, ...]] = {
    "stacks:dashboard": ("page=2", "only=problems", "only=running", "find=1"),
    "stacks:comparison": ("page=2",),
    "stacks:machine": ("sort=-size&find=v1",),
    "stacks:version": ("against=v2&q=pack",),
    "stacks:build": ("recipe=recipe-1",),
    "stacks:operations": (
        *("page={half}", "page={last}", "machine={machine}&state=failed", "who=user3", "who=user3&page={last}"),
        *("kind=verify", "kind=verify&state=failed&page={last}", "who=user3&kind=verify&state=failed"),
    ),
    "stacks:rollout-add": ("version=v3",),
    "stacks:schedules": ("page=2",),
    "stacks:windows": ("page=2",),
    "stacks:activity": (
        *("after={after}", "who=user3", "machine={machine}", "kind=freeze", "kind=verify", "text=astropyy"),
        *("text=nowhere+to+be+found", "who=user3&kind=verify&machine={machine}"),
    ),
    "stacks:operation": ("line=2000", "q=package-3"),
    "stacks:operation-log": ("from=2000&to=2200",),
    "stacks:operation-search": ("q=package-39", "errors=1"),
    "kernels:matrix": (
        *("page=2", "state=failed", "language=r", "machine={machine}", "versions=v1+v2"),
        *("only=differs", "only=changed", "only=not-live", "only=not-in-library"),
    ),
    "kernels:machine": ("version=v2",),
}
APPS = ("stacks:", "kernels:")  # pages of people do not grow with machines, and the API has none
# Whole documents to keep or to follow, which take as long as they are large; what probes ask; what developers see;
# what only a link with a token opens.
NO_PAGES = frozenset({
    "stacks:activity-csv", "stacks:activity-json", "kernels:matrix-csv", "kernels:matrix-json",
    "stacks:operation-raw", "stacks:operation-stream", "livez", "readyz", "stacks:styleguide",
    "stacks:sign-in-link",
})  # fmt: skip


def pages(many: Many) -> dict[str, list[str]]:
    """Give the addresses of each page by the name of its route; KeyError for a route with a value unknown here."""
    routes = _routes(get_resolver())
    asked = ((name, route) for name, route in routes if name.startswith(APPS) and name not in NO_PAGES)
    return {name: list(_addresses(many, name, route)) for name, route in asked}


def _routes(resolver: URLResolver, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _routes(entry, f"{entry.namespace}:" if entry.namespace else namespace)
        else:
            yield f"{namespace}{entry.name}", entry


def _addresses(many: Many, name: str, route: URLPattern) -> Iterator[str]:
    known, path = _values(many, name), str(route.pattern)
    wanted = list(route.pattern.converters)
    for values in product(*(known[parameter] for parameter in wanted)):
        address = path
        for parameter, value in zip(wanted, values, strict=True):
            for spelled in (f"<str:{parameter}>", f"<int:{parameter}>"):
                address = address.replace(spelled, value)
        yield f"/{address}"
        for query in QUERIES.get(name, ()):
            yield f"/{address}?{query.format(**_asked(many))}"


def _values(many: Many, name: str) -> dict[str, list[str]]:
    here, elsewhere = many.here.name, many.elsewhere.name
    running = next(one for one in many.operations if one.state == "running")
    on_disk = name.startswith("kernels:") and name not in ("kernels:machine", "kernels:library")
    numbered = {
        "stacks:joining": many.joinings, "stacks:rollout": many.rollouts, "stacks:schedule": many.schedules,
        "stacks:window": many.windows,
    }  # fmt: skip
    operations = [str(many.logged.pk), str(running.pk)]
    return {
        "name": ["recipe-1"] if name.startswith("stacks:recipe") else [here] if on_disk else [here, elsewhere],
        "version": ["v3"],
        "pk": next((listed for begins, listed in numbered.items() if name.startswith(begins)), operations),
        "action": sorted(VERSION_ACTIONS if name == "stacks:version-action" else ACTIONS),
        "kernel": ["tiny"],
        "logo": ["logo-64x64.png"],
    }


def _asked(many: Many) -> dict[str, Any]:
    middle = many.operations[len(many.operations) // 2]
    last = len(many.operations) // 30
    after = f"{middle.created_at.isoformat()}~operation~{middle.pk}".replace("+", "%2B")
    return {"machine": many.elsewhere.name, "half": last // 2, "last": last, "after": after}
