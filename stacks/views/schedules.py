"""Schedules: the list, one with its runs, the form, and what is done with one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from stacks import schedules
from stacks.engine.errors import Refused
from stacks.forms import ScheduleForm
from stacks.forms.schedules import initial_of
from stacks.forms.times import zones
from stacks.http import Request, changing, commanding, viewing
from stacks.models import Machine, Schedule, ScheduleRun
from stacks.views import torn

PER_PAGE, RUNS = 30, 30
RELATED = ("operation__machine", "rollout")
LARGE = ("operation__steps", "operation__outcome", "operation__parameters", "operation__machine__observed")


@viewing
def schedule_list(request: Request) -> HttpResponse:
    """List schedules by name, each with what came of its last time."""
    page = Paginator(_schedules(), PER_PAGE).get_page(request.GET.get("page"))
    runs = ScheduleRun.objects.select_related(*RELATED).defer(*LARGE)
    last = runs.in_bulk([row.last_id for row in page if row.last_id])
    rows = [(row, last.get(row.last_id)) for row in page]
    return render(request, "stacks/schedules.html", {"page": page, "rows": rows})


@viewing
def schedule(request: Request, pk: int) -> HttpResponse:
    """Show what a schedule does, when next, and what came of it."""
    found = _one(pk)
    runs = found.runs.select_related(*RELATED).defer(*LARGE)[:RUNS]
    context = {"schedule": found, "runs": runs, "to": found.to.order_by("name").only("name")}
    return render(request, "stacks/schedule.html", context)


@changing
def schedule_add(request: Request) -> HttpResponse:
    """Ask what is to be done when."""
    return _edited(request, Schedule(), {"machine": request.GET.get("machine", "")})


@changing
def schedule_edit(request: Request, pk: int) -> HttpResponse:
    """Change a schedule."""
    found = _one(pk)
    return _edited(request, found, initial_of(found))


@commanding
def schedule_do(request: Request, pk: int) -> HttpResponse:
    """Pause or resume a schedule, or do at once what it asks for."""
    found, do = _one(pk), request.POST.get("do")
    if do == "pause":
        schedules.pause(schedule=found, by=request.user)
        return redirect("stacks:schedule", pk)
    if do not in ("resume", "run"):
        raise Refused("A schedule can be paused, resumed and run.")
    _demand_proof(request, found, found.to.all())
    if do == "resume":
        schedules.resume(schedule=found, by=request.user)
        return redirect("stacks:schedule", pk)
    return _led_to(request, schedules.run_now(schedule=found, by=request.user))


@changing
def schedule_delete(request: Request, pk: int) -> HttpResponse:
    """Ask once more, and delete a schedule."""
    found = _one(pk)
    if request.method == "POST":
        schedules.delete(schedule=found, by=request.user)
        messages.success(request, f"The schedule “{found.name}” is deleted. What it submitted stays.")
        return redirect("stacks:schedules")
    return render(request, "stacks/schedule_delete.html", {"schedule": found})


def _schedules() -> QuerySet[Any]:
    last = ScheduleRun.objects.filter(schedule=OuterRef("pk")).order_by("-id").values("id")[:1]
    related = ("machine", "owner", "task__crontab", "task__interval")
    rows = Schedule.objects.select_related(*related).defer("machine__observed")
    return rows.annotate(last_id=Subquery(last)).order_by("name")


def _one(pk: int) -> Schedule:
    related = ("machine", "owner", "task__crontab", "task__interval")
    return get_object_or_404(Schedule.objects.select_related(*related).defer("machine__observed"), pk=pk)


def _edited(request: Request, found: Schedule, initial: dict[str, Any]) -> HttpResponse:
    form = ScheduleForm(request.POST if request.method == "POST" else None, initial=initial)
    looks = request.POST.get("do") == "times"
    refusal, status = None, 422 if form.errors and not looks else 200
    if form.is_bound and not looks and form.is_valid():
        try:
            return _saved(request, found, form)
        except Refused as refused:
            refusal, status = refused, 409
    context = {"form": form, "schedule": found, "refusal": refusal, "looks": looks, "zones": zones()}
    return render(request, "stacks/schedule_edit.html", context, status=status)


def _saved(request: Request, found: Schedule, form: ScheduleForm) -> HttpResponse:
    asked = form.apply_to(found)
    _demand_proof(request, asked, form.machines)
    made = schedules.save(schedule=asked, when=form.when, to=form.machines, by=request.user)
    messages.success(request, f"The schedule “{made.name}” is saved, and asks in your name.")
    return redirect("stacks:schedule", made.pk)


def _demand_proof(request: Request, asked: Schedule, others: Iterable[Machine]) -> None:
    """Ask who is there for what will tear a tree later."""
    if asked.deploy or asked.kind == Schedule.Kind.DEPLOY:
        for machine in (asked.machine, *others):
            torn.demand_proof(request, machine)


def _led_to(request: Request, run: ScheduleRun) -> HttpResponse:
    if run.operation is not None:
        return redirect("stacks:operation", run.operation.pk)
    if run.rollout is not None:
        return redirect("stacks:rollout", run.rollout.pk)
    messages.warning(request, f"Nothing was submitted. {run.message}")
    return redirect("stacks:schedule", run.schedule.pk)
