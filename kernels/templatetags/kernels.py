"""What the templates say about kernels: the same words and icons on every page."""

from __future__ import annotations

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from kernels.matrix import Cell, Column

register = template.Library()

STATES = {
    "ok": ("check-circle", "OK", "is-succeeded"),
    "failed": ("x-circle", "Failed", "is-failed"),
    "warning": ("exclamation-triangle", "Warning", "is-interrupted"),
    "unchecked": ("question-mark-circle", "Not checked", "is-waiting"),
}
SEVERITIES = {
    "error": ("x-circle", "is-failed"),
    "warning": ("exclamation-triangle", "is-warning"),
    "info": ("information-circle", ""),
}


@register.inclusion_tag("kernels/_state.html")
def kernel_state(name: str) -> dict[str, str]:
    """Show how a kernel is, as icon, word and colour."""
    icon, word, style = STATES.get(name, STATES["unchecked"])
    return {"icon": icon, "word": word, "style": style}


@register.simple_tag(takes_context=True)
def matrix_cells(context: template.Context, cells: list[tuple[Column, Cell | None]]) -> SafeString:
    """Show a kernel in all places of a row; what looks the same on many machines is drawn once for a page."""
    drawn: dict[object, SafeString] = context["drawn"]
    return format_html_join("", "{}", ((_drawn(column, cell, drawn),) for column, cell in cells))


def _drawn(column: Column, cell: Cell | None, drawn: dict[object, SafeString]) -> SafeString:
    if cell and cell.state != "failed":  # its time is not shown
        cell = cell._replace(checked_at=None)
    key = (cell, column.where == "library")
    if key not in drawn:
        drawn[key] = render_to_string("kernels/_cell.html", {"column": column, "cell": cell})
    return drawn[key]


@register.inclusion_tag("kernels/_findings.html")
def findings(found: list[object]) -> dict[str, object]:
    """Show what was found, the worst first."""
    listed = [item if isinstance(item, dict) else _plain(item) for item in found]
    order = list(SEVERITIES)
    shown = [{**item, **_style(str(item["severity"]))} for item in listed]
    return {"findings": sorted(shown, key=lambda item: order.index(item["severity"]))}


def _plain(item: object) -> dict[str, str]:
    return {name: str(getattr(item, name)) for name in ("severity", "code", "message", "field")}


def _style(severity: str) -> dict[str, str]:
    icon, style = SEVERITIES.get(severity, SEVERITIES["info"])
    return {"icon": icon, "style": style}


@register.filter
def live_one(live: dict[str, dict[str, str]], name: str) -> dict[str, str] | None:
    """Give what users get by a name, None for nothing."""
    return live.get(name)
