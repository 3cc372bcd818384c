"""Rollouts: every write to one. Asked for by people, advanced when an operation ends and by the sweeper."""

from stacks.rollouts.advancing import advance, advance_all, follow_ends
from stacks.rollouts.asking import Pace, cancel, deploy, in_the_way, resume, revert, stop_all
from stacks.rollouts.telling import document, summary

__all__ = [
    "Pace",
    "advance",
    "advance_all",
    "cancel",
    "deploy",
    "document",
    "follow_ends",
    "in_the_way",
    "resume",
    "revert",
    "stop_all",
    "summary",
]
