"""What the templates say about states, sizes and times: the same words, icons and figures on every page."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from stacks import live, shell, stale
from stacks.glossary import WORDS
from stacks.models import Operation
from stacks.views.shown import Tree

register = template.Library()

THEMES = ("light", "dark")
STATES = {
    "queued": ("clock", "Queued"),
    "running": ("arrow-path", "Running"),
    "succeeded": ("check-circle", "Succeeded"),
    "failed": ("x-circle", "Failed"),
    "cancelled": ("minus-circle", "Cancelled"),
    "interrupted": ("exclamation-triangle", "Interrupted"),
    "undone": ("arrow-uturn-left", "Undone"),
    "waiting": ("ellipsis-horizontal-circle", "To do"),
}
KIND_ICONS = {
    "build": "wrench-screwdriver",
    "deploy": "rocket-launch",
    "revert": "arrow-uturn-left",
    "restore": "arrow-path",
    "backup": "archive-box-arrow-down",
    "discard": "backspace",
    "verify": "shield-check",
    "remove": "trash",
    "prune": "scissors",
    "solve": "calculator",
    "copy": "document-duplicate",
    "provision": "server",
    "adopt": "inbox-arrow-down",
    "convert": "arrows-right-left",
    "kernel-install": "command-line",
    "kernel-remove": "command-line",
    "kernel-check": "heart",
    "freeze": "lock-closed",
    "unfreeze": "lock-open",
    "mark-bad": "no-symbol",
    "clear": "check",
    "recipe": "document-text",
    "library": "book-open",
    "seen": "eye",
    "person": "user",
    "token": "key",
    "settings": "adjustments-horizontal",
    "label": "tag",
    "machine": "server-stack",
    "schedule": "calendar-days",
    "window": "lock-closed",
}

register.filter("operation_title", live.operation_title)
register.filter("changes_live", stale.changes_live)
register.simple_tag(stale.active_now)
register.filter("page_title", live.page_title)
register.filter("again_address", live.again_address)
register.filter("as_command", shell.command)


@register.filter
def titled(operation: Operation) -> SafeString:
    """Name an operation, its version's name in one piece."""
    verb, thing = live.operation_verb(operation), live.operation_object(operation)
    return format_html('{} <span class="name">{}</span>', verb, thing)


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """Give the theme that the reader chose, "" for the system's."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else ""
    return chosen if chosen in THEMES else ""


@register.inclusion_tag("stacks/_state.html")
def state(name: str) -> dict[str, str]:
    """Show a state as icon, word and colour."""
    icon, word = STATES.get(name, STATES["waiting"])
    return {"state": name if name in STATES else "waiting", "icon": icon, "word": word}


@register.filter
def state_icon(name: str) -> str:
    """Name the icon of a state."""
    return STATES.get(name, STATES["waiting"])[0]


@register.filter
def is_ill(operation: Operation) -> bool:
    """Tell whether a check that was carried out found kernels that are not well, or services did not start again."""
    if operation.state != Operation.State.SUCCEEDED:
        return False
    verdicts = operation.outcome.get("kernels", []) if operation.kind == Operation.Kind.KERNEL_CHECK else []
    return bool(operation.outcome.get("not_started")) or any(verdict["state"] != "ok" for verdict in verdicts)


@register.filter
def kind_icon(kind: str) -> str:
    """Name the icon of a kind of operation."""
    return KIND_ICONS.get(kind, "cog-6-tooth")


@register.filter
def size(number: float | None) -> str:
    """Write a number of bytes with three figures at most: 1.08 GB, 116 MB."""
    if number is None:
        return "–"
    if number < 1000:
        return f"{number:.0f} B"
    power = min(int(math.log10(number) // 3), 5)
    scaled = number / 1000**power
    return f"{scaled:.{0 if scaled >= 100 else 1 if scaled >= 10 else 2}f} {'kMGTP'[power - 1]}B"


@register.filter
def duration(seconds: float | None) -> str:
    """Write a span of time with two units at most: 8.4 s, 3 min 20 s, 2 h 5 min, 4 d 3 h."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    for limit, unit, small, below in ((3600, 60, "s", "min"), (86400, 3600, "min", "h")):
        if seconds < 60:
            return f"{seconds:.0f} s"
        if seconds < limit:
            rest = int(seconds % unit) // (1 if small == "s" else 60)
            return f"{int(seconds // unit)} {below}" + (f" {rest} {small}" if rest else "")
    days, hours = divmod(int(seconds) // 3600, 24)
    return f"{days} d" + (f" {hours} h" if hours and days < 10 else "")


@register.filter
def moment(at: datetime | float | str | None) -> datetime | None:
    """Read a time: a datetime, seconds since the epoch, or ISO text."""
    if isinstance(at, (int, float)):
        return datetime.fromtimestamp(at, UTC)
    if isinstance(at, str):
        return datetime.fromisoformat(at) if at else None
    return at


@register.filter
def ago(at: datetime | float | str | None) -> SafeString | str:
    """Write how long ago a time was, with the exact time on hover; scripts keep it current."""
    if (when := moment(at)) is None:
        return "–"
    span = timezone.now() - when
    return _time(when, "just now" if span < timedelta(seconds=10) else f"{_rounded(span)} ago", "ago")


@register.filter
def since(at: datetime | float | str | None) -> SafeString | str:
    """Write the time that has passed since, with the exact time on hover; scripts keep it current."""
    return _time(when, _rounded(timezone.now() - when), "since") if (when := moment(at)) else "–"


@register.filter
def clock(at: datetime | float | str | None) -> SafeString | str:
    """Write a date and time in full."""
    when = moment(at)
    return _time(when, f"{timezone.localtime(when):%d %b %Y, %H:%M}", "clock") if when else "–"


def _rounded(span: timedelta) -> str:
    seconds = max(span.total_seconds(), 0)
    for limit, unit, word in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (math.inf, 86400, "d")):
        if seconds < limit:
            return f"{int(seconds // unit)} {word}"
    raise AssertionError(span)


def _time(when: datetime, text: str, how: str) -> SafeString:
    local = timezone.localtime(when)
    return format_html(
        '<time datetime="{}" title="{}" data-time="{}">{}</time>',
        when.isoformat(timespec="seconds"), f"{local:%Y-%m-%d %H:%M:%S %Z}", how, text,
    )  # fmt: skip


@register.simple_tag
def elapsed(started: datetime | float | None, finished: datetime | float | None) -> SafeString | str:
    """Show how long something took, or a clock that scripts keep running while it is not finished."""
    begun, ended = moment(started), moment(finished)
    if begun is None:
        return ""
    text = duration(((ended or timezone.now()) - begun).total_seconds())
    if ended:
        return text
    return format_html('<span data-since="{}">{}</span>', f"{begun.timestamp():.3f}", text)


@register.inclusion_tag("stacks/_meter.html")
def meter(label: str, used: float | None, total: float | None) -> dict[str, Any]:
    """Show how much of something is used, as bar and figures; above 90% as a warning in words too."""
    share = min(100.0, 100 * (used or 0) / total) if total else 0.0
    return {"label": label, "used": used, "total": total, "share": f"{share:.1f}", "level": _level(share)}


@register.inclusion_tag("stacks/_block.html")
def block_of(tree: Tree, largest: int, *, whole: bool = False) -> dict[str, Any]:
    """Draw a version as a block as wide as its bytes, in its own and its shared part unless it is shown `whole`."""
    scale = 100 * (tree.bytes or 0) / largest if largest else 0.0
    own = 0.0 if whole else scale * tree.own_share / 100
    told = size(tree.bytes) if whole else f"{size(tree.bytes)}, of which {size(tree.unique_bytes)} are its own"
    return {"own": f"{own:.1f}", "rest": f"{scale - own:.1f}", "whole": whole, "told": told}


def _level(share: float) -> str:
    return "full" if share >= 95 else "high" if share >= 85 else "fine"


@register.filter
def progress(operation: Operation) -> dict[str, Any]:
    """Tell how far an unfinished operation is: the running step, its number, and done of total where known."""
    steps = operation.steps
    index = next((i for i, step in enumerate(steps) if step.get("state") == "running"), None)
    if index is None:
        return {"title": "Waiting for the worker" if operation.state == "queued" else "", "steps": len(steps)}
    told = steps[index].get("progress") or {}
    return {"title": steps[index]["title"], "number": index + 1, "steps": len(steps), **told}


@register.filter
def of_total(told: dict[str, Any]) -> str:
    """Write a step's progress in its unit: 312 MB of 1.10 GB; 12 of 80 packages."""
    if not told or not told.get("total"):
        return ""
    if told.get("unit") == "bytes":
        return f"{size(told['done'])} of {size(told['total'])}"
    return f"{told['done']:,} of {told['total']:,} {told.get('unit', '')}".strip()


@register.inclusion_tag("stacks/_term.html")
def term(word: str) -> dict[str, str]:
    """Show a “?” that opens what a word means; an unknown word is an error of the template (KeyError)."""
    return {"word": word, "sentence": WORDS[word]}


@register.filter
def after_root(path: str, root: str) -> str:
    """Shorten a path below a machine's root to what comes after it."""
    return path.removeprefix(f"{root}/")


@register.filter
def spaced(number: int) -> str:
    """Write a large number with separators: 40,123."""
    return f"{number:,}"


@register.filter
def linecount(text: str) -> int:
    """Count the lines of a text."""
    return len(text.splitlines())
