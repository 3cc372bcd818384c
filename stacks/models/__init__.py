"""What the database records of machines, recipes, versions and operations."""

from stacks.models.events import Event
from stacks.models.joining import Joining
from stacks.models.machines import Machine, Worker
from stacks.models.operations import LogChunk, Operation
from stacks.models.recipes import Recipe, RecipeRevision
from stacks.models.versions import Activation, Version

__all__ = [
    "Activation", "Event", "Joining", "LogChunk", "Machine", "Operation", "Recipe", "RecipeRevision", "Version",
    "Worker",
]  # fmt: skip
