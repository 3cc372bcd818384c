"""What the database records of machines, recipes, versions and operations."""

from stacks.models.events import Event
from stacks.models.joining import Joining
from stacks.models.machines import Machine, Worker
from stacks.models.operations import LogChunk, Operation
from stacks.models.recipes import Recipe, RecipeRevision
from stacks.models.rollouts import Rollout, RolloutTarget
from stacks.models.schedules import Schedule, ScheduleRun
from stacks.models.versions import Activation, Version
from stacks.models.windows import FreezeWindow

__all__ = [
    "Activation", "Event", "FreezeWindow", "Joining", "LogChunk", "Machine", "Operation", "Recipe", "RecipeRevision",
    "Rollout", "RolloutTarget", "Schedule", "ScheduleRun", "Version", "Worker",
]  # fmt: skip
