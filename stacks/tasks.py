"""Celery's entry points: a message carries an operation's id or nothing at all (invariant 10)."""

from __future__ import annotations

from celery import shared_task

from stacks import operations, rollouts, running, schedules, worker


@shared_task(name="stacks.tasks.run")
def run(operation_id: int) -> None:
    """Run a queued operation; a second delivery of the same id does nothing."""
    if not worker.is_stopping():  # else it stays queued, and whoever starts next is rung for it
        running.run(operation_id, is_stopping=worker.is_overdue)


@shared_task(name="stacks.tasks.sweep")
def sweep() -> None:
    """Ring again for operations whose message was lost, carry rollouts on, and do what is due of schedules."""
    operations.sweep()
    rollouts.advance_all()
    schedules.fire_due()


@shared_task(name="stacks.tasks.fire")
def fire(schedule_id: int) -> None:
    """Do what is due of one schedule; one that comes too early, or second, does nothing."""
    schedules.fire(schedule_id)


@shared_task(name="stacks.tasks.back_up")
def back_up() -> None:
    """Submit the backups whose time has come."""
    operations.back_up_due()


@shared_task(name="stacks.tasks.reap")
def reap() -> None:
    """End the operations whose worker is gone."""
    operations.reap()
