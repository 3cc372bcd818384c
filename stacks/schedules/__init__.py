"""Schedules: every write to one. Asked for by people; done when they are due, by whoever notices."""

from stacks.schedules.asking import delete, pause, resume, run_now, save
from stacks.schedules.firing import fire, fire_due
from stacks.schedules.rule import Cron, Every, check, upcoming, words
from stacks.schedules.telling import document, what
from stacks.schedules.timing import told, when

__all__ = [
    "Cron", "Every", "check", "delete", "document", "fire", "fire_due", "pause", "resume", "run_now", "save", "told",
    "upcoming", "what", "when", "words",
]  # fmt: skip
