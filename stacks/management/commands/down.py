"""`dlstack down`: end everything that was started for this home."""

from __future__ import annotations

from typing import Any

from stacks.embedded import shut_down
from stacks.management.verb import DONE, Verb


class Command(Verb):
    help = "End everything that was started for this home, and wait for it."
    takes_machine = False

    def carry_out(self, options: dict[str, Any]) -> int:
        ended = shut_down(tell=self.say)
        if self.is_json:
            self.document({"ended": ended})
        self.say("Stopped." if ended else "Nothing runs for this home.")
        return DONE
