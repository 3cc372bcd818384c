"""How long something has not changed, by this process's own monotonic clock and by nothing else."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Mapping

GAP = 30.0  # seconds between two looks that still belong together


class Silence:
    """Watches the last signs of life of operations, as often as somebody looks.

    A clock that is set, or a database that was away, is not the silence of a worker: what counts is how often the same
    sign was read, and after a gap between two looks the count begins anew.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: dict[int, tuple[Hashable, float]] = {}
        self._looked_at = -math.inf

    def look(self, signs: Mapping[int, Hashable]) -> dict[int, float]:
        """Take in the signs as they are now; gives for how many seconds each has been the same."""
        with self._lock:
            now = self._clock()
            if now - self._looked_at > GAP:
                self._since.clear()
            self._looked_at = now
            self._since = {key: self._kept(key, sign, now) for key, sign in signs.items()}
            return {key: now - since for key, (_, since) in self._since.items()}

    def _kept(self, key: int, sign: Hashable, now: float) -> tuple[Hashable, float]:
        found = self._since.get(key)
        return found if found is not None and found[0] == sign else (sign, now)
