"""The verbs of the engine's command that are swept, each on a machine on which it has something to do."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.kills.machines import Make, drifted, in_place, rebooted, resident, surplus
from tests.faults.kills.place import Place


@dataclass(frozen=True)
class Verb:
    """One verb with what follows the root; `then` is asked next where it turns out to have been done.

    One that works `by_parts` may be half done, each part exactly old or new; `midway` is what leads to a state that is
    as good as the old one.
    """

    name: str
    make: Make
    words: tuple[str, ...]
    then: tuple[str, ...]
    by_parts: bool = False
    midway: tuple[str, ...] = ()

    def spelled(self, place: Place, words: tuple[str, ...]) -> list[str]:
        """Spell the command's arguments: the verb, the root, the rest."""
        return [words[0], str(place.layout.root), *words[1:]]


VERBS = (
    Verb("revert, in RAM", resident, ("revert", "a"), ("revert", "b")),
    Verb("revert, copied", resident, ("revert", "c"), ("revert", "b")),
    Verb("revert, in-place", in_place, ("revert", "a"), ("revert", "b")),
    Verb("backup", drifted(resident), ("backup",), ("revert", "a"), by_parts=True),
    Verb("restore", rebooted(resident), ("restore",), ("revert", "a"), midway=("restore", "--serve-only")),
    Verb("prune", surplus, ("prune", "--keep", "1"), ("verify", "b"), by_parts=True),
    Verb("remove", surplus, ("remove", "c"), ("verify", "b")),
)
