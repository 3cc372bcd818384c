"""Release notes for those who use a machine's software: pages and a feed, public where the settings say so."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.contrib.syndication.views import Feed
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_safe

from access import roles
from access.roles import LOOK
from stacks import releases
from stacks.http import Request
from stacks.models import Machine
from stacks.releases import Release
from stacks.storable import xml_text


@login_not_required
@require_safe
def release_list(request: Request, name: str) -> HttpResponse:
    """List what became active on a machine, the newest first."""
    if not _may_read(request, name):
        return redirect_to_login(request.get_full_path())
    machine = get_object_or_404(Machine, name=name)
    context = {"machine": machine, "releases": releases.of(machine), "shown": releases.SHOWN}
    return render(request, "stacks/releases.html", context)


@login_not_required
@require_safe
def release(request: Request, name: str, version: str) -> HttpResponse:
    """Tell what changed whenever a version became active."""
    if not _may_read(request, name):
        return redirect_to_login(request.get_full_path())
    machine = get_object_or_404(Machine, name=name)
    found = releases.of(machine, version=version)
    if not found:
        raise Http404
    kept = machine.versions.filter(name=version, removed_at=None).exists()
    context = {"machine": machine, "version": version, "releases": found, "kept": kept}
    return render(request, "stacks/release.html", context)


class ReleaseFeed(Feed):  # type: ignore[type-arg]  # no generic at run time
    """The releases of a machine as an Atom feed; who may not read them is told that there is none."""

    feed_type = Atom1Feed

    def get_object(self, request: HttpRequest, *args: Any, name: str, **kwargs: Any) -> Machine:
        """Find the machine."""
        if not _may_read(request, name):
            raise Http404
        return get_object_or_404(Machine, name=name)

    def title(self, machine: Machine) -> str:
        """Name the feed."""
        return xml_text(f"Software of {machine.name}")

    def link(self, machine: Machine) -> str:
        """Lead to the page of releases."""
        return reverse("stacks:releases", args=[machine.name])

    def items(self, machine: Machine) -> list[Release]:
        """Give the latest releases."""
        return releases.of(machine)

    def item_title(self, item: Release) -> str:
        """Name a release."""
        return xml_text(f"{item.version} is active")

    def item_description(self, item: Release) -> str:
        """Say what changed."""
        return xml_text(f"{item.note}\n{item.summary}".strip())

    def item_link(self, item: Release) -> str:
        """Lead to the release's page."""
        return reverse("stacks:release", args=[item.machine, item.version])

    def item_guid(self, item: Release) -> str:
        """Tell releases of the same version apart."""
        return f"urn:dlstack:{quote(item.machine)}:{quote(item.version)}:{item.at.timestamp():.0f}"

    def item_updateddate(self, item: Release) -> datetime:
        """Tell when it became active."""
        return item.at


def _may_read(request: HttpRequest, name: str) -> bool:
    # The same answer for a machine that is not there: strangers do not learn which there are.
    if Machine.objects.filter(name=name, public_releases=True).exists():
        return True
    if request.user.is_authenticated and not request.user.has_perm(LOOK):
        raise PermissionDenied(roles.lacking(request.user, LOOK))
    return request.user.is_authenticated


release_feed = login_not_required(require_safe(ReleaseFeed()))
