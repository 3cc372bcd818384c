"""Running operations in a worker: the lane's lock, the pulse, the attempt and its ending."""

from stacks.running.runner import run

__all__ = ["run"]
