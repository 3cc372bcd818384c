"""Every page, in each state that it can be in; what the walk of all pages goes through.

A page that is added to the URLconf needs a visit here, which `test_every_route_is_visited` asks for. What is not HTML
(feeds, exports, parts, streams) is in DOCUMENTS.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from django.urls.converters import IntConverter
from playwright.sync_api import Page

from access.models import Session
from access.sessions import PROVED, SessionStore
from stacks.forms import ACTIONS, VERSION_ACTIONS

Do = Callable[[Page], None]


def stay(page: Page) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page as `who` finds it ("" is a stranger), after what is done there first; `status` is that of the last answer.

    `{name}` in an address is the number of that operation of `tests.states`. With `debug` it is looked at as developers
    do.
    """

    address: str
    do: Do = stay
    status: int = 200
    who: str = "alice"
    debug: bool = False


def sending(*, press: str = "main form[method=post] [type=submit]:visible", **fields: str) -> Do:
    """Fill fields by their names and send the form as a browser without its own checks would."""

    def send(page: Page) -> None:
        page.evaluate("document.querySelectorAll('form').forEach((form) => { form.noValidate = true; })")
        for name, value in fields.items():
            page.evaluate(
                "([name, value]) => { for (const field of document.getElementsByName(name)) field.value = value; }",
                [name, value],
            )
        with page.expect_navigation():
            page.locator(press).first.click()

    return send


def opening(what: str) -> Do:
    """Click on what opens something."""
    return lambda page: page.locator(what).first.click()


def _without_token(page: Page) -> None:
    page.evaluate("document.getElementsByName('csrfmiddlewaretoken').forEach((field) => { field.value = 'x'; })")
    sending()(page)


def late(page: Page) -> None:
    """Come back after so long a time that it is asked again who is there."""
    for session in Session.objects.filter(account=User.objects.get(username="bob").pk):
        kept = session.get_decoded() | {PROVED: 0}
        Session.objects.filter(pk=session.pk).update(session_data=SessionStore().encode(kept))
    page.reload()


def _typed(text: str) -> Do:
    def write(page: Page) -> None:
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.locator("#id_text").fill(text)

    return write


def _lost(page: Page) -> None:
    page.evaluate("document.dispatchEvent(new Event('dlstack:lost'))")
    page.locator("#offline").wait_for()


LOCAL = "/machines/local/"
OLD, ACTIVE, BAD = (f"{LOCAL}versions/{name}/" for name in ("2026-11-12", "2026-11-20", "2026-11-23"))
SPECS = f"{LOCAL}kernel-specs/"
RECIPE = 'name = "datalab"\n[[environments]]\npath = "a"\ninstaller = "venv"\npackages = ["numpy"]\n'
SPEC = json.dumps({"argv": ["x", "{connection_file}"], "display_name": "x", "language": "x"})

# Nothing is there but somebody who may do everything.
EMPTY = (
    *map(Visit, ("/", "/recipes/", "/operations/", "/activity/", "/kernels/", "/incident/", "/glossary/")),
    *map(Visit, ("/rollouts/", "/rollout-add/", "/incident/revert-all/", "/compare/")),
    *map(Visit, ("/schedules/", "/schedule-add/", "/windows/", "/window-add/")),
    Visit("/machines/local/", status=404),
)
# One machine whose disk is empty.
FRESH = (
    *map(Visit, ("/", LOCAL, f"{LOCAL}build/", f"{LOCAL}kernels/", SPECS, f"{LOCAL}kernel-spec-add/")),
    *map(Visit, (f"{LOCAL}kernels/publish/", f"{LOCAL}drift/", f"{LOCAL}incident/", f"{LOCAL}settings/")),
    *map(Visit, ("/releases/local/", f"{LOCAL}processes/", f"{LOCAL}do/adopt/", f"{LOCAL}do/provision/")),
    Visit(f"{LOCAL}revert/", status=409),
)
# A machine whose record is damaged: every page that reads it fails.
DAMAGED = (Visit("/machines/gp20/", status=500),)
SEEDED = (
    *map(Visit, ("/", "/?only=problems&find=gp", "/?find=nowhere", "/incident/", "/glossary/")),
    Visit("/", opening(".menu summary")),
    Visit("/", _lost),
    Visit("/", who="viewer"),
    *map(Visit, (LOCAL, "/machines/gp02/", "/machines/gp12/?sort=-size&find=20", "/machines/gp20/", "/machines/gp30/")),
    Visit(LOCAL, opening("#term-ramdisk summary")),
    Visit(LOCAL, who="viewer"),
    Visit(f"{LOCAL}?find=nothing"),
    # versions
    *map(Visit, (ACTIVE, BAD, f"{OLD}?q=ast&against=2026-11-20", f"{OLD}?q=nothing")),
    *map(Visit, (f"{OLD}?against=2026-11-20&files", f"{LOCAL}versions/2026-10-30/")),
    Visit("/machines/gp02/versions/2026-11-20/"),
    Visit(ACTIVE, who="viewer"),
    Visit(f"{BAD}clear/"),
    Visit(BAD, sending(press="#clear", reason=""), status=409),
    # build, deploy, revert and all that is asked once
    Visit(f"{LOCAL}build/", opening(".fold summary")),
    Visit(f"{LOCAL}build/?recipe=broken"),
    Visit(f"{LOCAL}build/", sending(name="../x", kernel_dir="specs"), status=422),
    *map(Visit, (f"{LOCAL}deploy/2026-11-12/", f"{LOCAL}deploy/2026-11-20/", f"{LOCAL}deploy/2026-11-23/")),
    *map(Visit, (f"{LOCAL}revert/", "/machines/gp02/deploy/2026-11-12/", "/machines/gp02/revert/")),
    Visit(f"{LOCAL}deploy/2026-11-12/", sending(seen="2026-10-30"), status=409),
    *(Visit(f"{LOCAL}do/{action}/") for action in ACTIONS),
    *(Visit(f"{OLD}do/{action}/") for action in VERSION_ACTIONS),
    *map(Visit, (f"{OLD}copy/", "/machines/gp02/versions/2026-11-20/copy/")),
    Visit("/machines/gp02/versions/2026-11-20/copy/", sending(limit="-1"), status=422),
    *map(Visit, ("/machines/gp30/do/restore/", "/machines/gp30/do/convert/", "/machines/gp30/do/adopt/")),
    Visit(f"{LOCAL}do/prune/", sending(keep="-1"), status=422),
    Visit(f"{OLD}do/rebuild/", sending(name="hdd"), status=409),
    # incident and freeze
    *map(Visit, (f"{LOCAL}incident/", "/machines/gp02/incident/", "/machines/gp20/incident/", f"{LOCAL}freeze/")),
    Visit("/machines/gp02/freeze/"),
    Visit(f"{LOCAL}incident/", who="viewer"),
    Visit(f"{LOCAL}incident/?to=2026-10-30", sending(press="#confirm", reason=""), status=422),
    Visit(f"{LOCAL}freeze/", sending(reason=""), status=422),
    Visit("/incident/revert-all/"),
    Visit("/incident/revert-all/", sending(reason=""), status=422),
    # rollouts
    *map(Visit, ("/compare/", "/rollouts/", "/rollout-add/")),
    *map(Visit, ("/rollout-add/?version=2026-11-20", "/rollout-add/?version=none")),
    *map(Visit, ("/rollouts/{stopped}/", "/rollouts/{reverting}/", "/rollouts/{rolled}/")),
    Visit("/rollouts/{stopped}/", who="viewer"),
    Visit("/rollout-add/?version=2026-11-20", sending(pause="-1"), status=422),
    Visit("/rollout-add/?version=2026-11-12", sending(), status=409),
    # schedules and freeze windows
    *map(Visit, ("/schedules/", "/schedules/{nightly}/", "/schedules/{weekly}/", "/schedules/{left}/")),
    *map(Visit, ("/schedules/{rolls}/", "/schedules/{rolls}/edit/", "/schedules/{nightly}/delete/")),
    *map(Visit, ("/windows/", "/windows/{weekend}/", "/windows/{opened}/lift/", "/windows/{opened}/delete/")),
    *(Visit(page, who="viewer") for page in ("/schedules/", "/schedules/{nightly}/", "/windows/")),
    Visit("/schedule-add/", sending(name="", cron="0 2 * *"), status=422),
    Visit("/schedule-add/", sending(name="nightly", kind="backup"), status=409),
    Visit("/schedule-add/", sending(press="#look", cron="*/5 * * * *")),
    Visit("/window-add/", sending(name="", to_day="4", to_time="16:00"), status=422),
    Visit("/windows/{opened}/lift/", sending(reason=""), status=422),
    # settings, drift, processes
    *map(Visit, (f"{LOCAL}settings/", f"{LOCAL}drift/", "/machines/gp12/drift/", f"{LOCAL}processes/")),
    Visit("/machines/gp12/processes/"),
    Visit(f"{LOCAL}settings/", sending(services='{"name": 1'), status=422),
    # joining and leaving
    *map(Visit, ("/machine-add/", "/joinings/{gp12}/", "/joinings/{gp31}/", "/joinings/{gp32}/", "/joinings/{gp33}/")),
    *map(Visit, ("/machines/gp31/", "/machines/gp12/join/", "/machines/gp12/rename/", "/machines/gp12/forget/")),
    *map(Visit, ("/machines/gp02/rename/", "/machines/gp02/forget/")),
    Visit("/machines/gp12/rename/", sending(name="GP 12"), status=422),
    Visit("/machines/gp12/forget/", sending(name="gp13"), status=422),
    # recipes
    *map(Visit, ("/recipes/", "/recipes/datalab/", "/recipes/datalab/?revision=3&against=4", "/recipes/broken/")),
    Visit("/recipes/", who="viewer"),
    Visit("/recipes/datalab/", who="viewer"),
    Visit("/recipes/datalab/edit/"),
    Visit("/recipes/datalab/edit/", _typed('name = "datalab"\nx = 1\n')),
    Visit("/recipes/datalab/edit/", sending(text='name = "other"\n'), status=422),
    Visit("/recipes/datalab/edit/", sending(text=RECIPE, after="3", note="mine"), status=422),
    Visit("/recipe-import/"),
    Visit("/recipe-import/", sending(text="name: sky\ndependencies: 1\n"), status=422),
    # operations
    *map(Visit, ("/operations/", "/operations/?state=failed&who=bob", "/operations/?who=nobody")),
    *map(Visit, ("/activity/", "/activity/?who=nobody", "/activity/?kind=freeze")),
    *(Visit(f"/operations/{{{name}}}/") for name in ("failed", "running", "cancelled", "interrupted", "solved")),
    *(Visit(f"/operations/{{{name}}}/") for name in ("checked", "retried", "followed", "cancelling")),
    *map(Visit, ("/operations/{failed}/?q=numpy", "/operations/{failed}/?q=nowhere")),
    *map(Visit, ("/operations/{retried}/?line=20-24", "/operations/{failed}/log/first-error")),
    Visit("/operations/{cancelled}/log/first-error"),
    Visit("/operations/{running}/", opening("#log-help-open")),
    Visit("/operations/{running}/", who="viewer"),
    # kernels
    *map(Visit, ("/kernels/", "/kernels/?only=not-live", "/kernels/?state=failed&language=r", f"{LOCAL}kernels/")),
    *map(Visit, (f"{LOCAL}kernels/?version=2026-11-12", "/machines/gp12/kernels/", "/machines/gp20/kernels/")),
    Visit(f"{LOCAL}kernels/", who="viewer"),
    Visit("/kernels/", opening(".cell.is-failed summary")),
    *map(Visit, (f"{LOCAL}kernels/publish/", f"{LOCAL}kernels/install/sky/", f"{LOCAL}kernels/remove/python3/")),
    Visit(f"{LOCAL}kernels/publish/", sending(kernel="../x"), status=422),
    *map(Visit, (SPECS, f"{SPECS}sky/", f"{SPECS}broken/", f"{SPECS}sky/remove/", "/machines/gp12/kernel-specs/")),
    Visit(SPECS, who="viewer"),
    Visit(f"{LOCAL}kernel-spec-add/"),
    Visit(f"{LOCAL}kernel-spec-add/", _typed("{")),
    Visit(f"{LOCAL}kernel-spec-add/", sending(name="../x", text="{}"), status=422),
    Visit(f"{SPECS}sky/", sending(text=SPEC, expected="0"), status=422),
    # what users read
    *map(Visit, ("/releases/local/", "/releases/local/2026-11-20/", "/releases/gp20/")),
    *(Visit(f"/releases/local/{page}", who="") for page in ("", "2026-11-20/")),
    # people
    *(Visit(page, who="") for page in ("/sign-in/", "/sign-in/?next=/operations/")),
    Visit("/sign-in/", sending(username="alice", password="wrong"), who=""),
    Visit("/sign-in/link/?sesame=old", status=403, who=""),
    Visit("/account/"),
    Visit("/account/", who="viewer"),
    Visit("/account/", sending(press="#add-token", name="ci", days="7"), status=201),
    Visit("/account/", sending(press="#add-token", name="ci", days="0"), status=422),
    Visit("/account/password/"),
    Visit("/account/password/", sending(new_password1="x", new_password2="y"), status=422),
    Visit("/account/password/", late, status=403, who="bob"),
    *map(Visit, ("/people/", "/people/add/", "/people/{bob}/", "/people/{carol}/", "/people/{alice}/")),
    Visit("/people/add/", sending(name="a b"), status=422),
    Visit("/people/{bob}/", sending(press="#make-link"), status=201),
    Visit("/people/{bob}/", sending(press="#role", seen="viewer"), status=409),
    *map(Visit, ("/audit/", "/audit/?who=nobody-at-all", "/audit/?kind=token")),
    Visit("/", status=200, who=""),
    # errors
    Visit("/", status=403, who="nobody"),
    Visit("/operations/?who=%00", status=400),
    Visit(f"{LOCAL}build/", status=403, who="viewer"),
    Visit("/sign-in/", _without_token, status=403, who=""),
    Visit("/nowhere/", status=404),
    Visit("/nowhere/", status=404, who=""),
    Visit("/styleguide/", debug=True),
)  # fmt: skip
WORLDS = {"empty": EMPTY, "fresh": FRESH, "damaged": DAMAGED, "seeded": SEEDED}

DOCUMENTS = (
    *("/livez", "/readyz", "/activity.csv", "/activity.json", "/kernels/matrix.csv", "/kernels/matrix.json"),
    *(f"{LOCAL}incident/timeline.txt", f"{SPECS}sky/logos/logo-svg.svg", "/releases/local/atom.xml"),
    *("/operations/{failed}/log", "/operations/{failed}/log/search?q=numpy", "/operations/{failed}/state.json"),
    *("/operations/{failed}/log.txt", "/operations/{failed}/log.txt?view=1", "/operations/{failed}/stream"),
    *("/releases/gp20/atom.xml", "/static/app.css", "/static/page.js", "/static/none.css"),
    *("/api/v1/", "/api/v1/openapi.json", "/api/v1/machines", "/api/v1/machines/local/status", "/api/v1/operations"),
    *("/api/v1/machines/local/versions", "/api/v1/operations/{failed}", "/api/v1/operations/{failed}/log"),
    *("/api/v1/compare", "/api/v1/rollouts", "/api/v1/rollouts/{stopped}"),
)
# What can be asked for by GET and is looked at neither as a page nor as a document, and why.
NOT_VISITED: dict[str, str] = {}


def routes(patterns: list[URLPattern | URLResolver] | None = None, space: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Give every route of the URLconf by its full name."""
    for item in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(item, URLResolver):
            yield from routes(item.url_patterns, f"{space}{item.namespace}:" if item.namespace else space)
        else:
            yield f"{space}{item.name}", item


def route(address: str) -> str:
    """Name the route of an address, "" for one that leads nowhere or to a static file."""
    path = address.partition("?")[0]
    return "" if path.startswith(("/static/", "/nowhere/")) else resolve(path).view_name


def sent_routes(client: Client) -> frozenset[str]:
    """Name the routes that show nothing: they are only ever sent to. `client` is somebody who may do everything."""
    asked = {name: _some(name, pattern) for name, pattern in routes() if name not in document_routes()}
    return frozenset(name for name, address in asked.items() if client.get(address).status_code == 405)


def _some(name: str, pattern: URLPattern) -> str:
    given = {key: 1 if isinstance(kind, IntConverter) else "x" for key, kind in pattern.pattern.converters.items()}
    return reverse(name, kwargs=given)


@cache
def document_routes() -> frozenset[str]:
    """Name the routes of what is no page."""
    return frozenset(route(address.format(failed=1, stopped=1)) for address in DOCUMENTS)


def addresses(client: Client, names: Callable[[str, str], list[Any]]) -> dict[str, list[str]]:
    """Give the addresses of every page by its route; `names` gives what leads somewhere, for a route and its key."""
    left_out, found = document_routes() | sent_routes(client), {}
    for name, pattern in routes():
        if name not in left_out:
            keys = [*pattern.pattern.converters]
            given = product(*(_actions(keys) if key == "action" else names(name, key) for key in keys))
            found[name] = [reverse(name, kwargs=dict(zip(keys, one, strict=True))) for one in given]
    return found


def _actions(keys: list[str]) -> list[str]:
    return [*(VERSION_ACTIONS if "version" in keys else ACTIONS)]
