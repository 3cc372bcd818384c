"""What was measured with so many machines, and whether that is still well."""

from __future__ import annotations

from dataclasses import dataclass

LATE, SLOW = 10.0, 5.0  # seconds: of upkeep; a click that waits


@dataclass
class Seen:
    """What was measured with so many machines."""

    size: int
    rates: dict[str, float]
    connections: int
    late: float  # of upkeep, in seconds, for 95 of 100 rounds
    rounds: float  # a second
    round_ms: float
    claimed: list[float]
    ended: int
    rollout: float | None
    page_ms: float
    clock_ms: float

    @property
    def broken(self) -> str:
        """What broke, "" for nothing."""
        if self.late > LATE:
            return f"upkeep comes {self.late:.0f} s late"
        if not self.claimed or percentile(self.claimed, 95) > SLOW:
            return "clicks wait for more than 5 s"
        return "" if self.rollout is not None else "the rollout did not end"


def percentile(values: list[float], share: int) -> float:
    """Give the value that `share` of 100 stay below."""
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)] if values else 0.0
