"""A reader who has no pointer: every stop of the focus is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

MOST = 150  # stops before something counts as out of reach

LOOK = (Path(__file__).parent / "look.js").read_text()


@dataclass
class Keyboard:
    """Presses keys on a page; `wrong` collects every stop at which one cannot see where the focus is."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def look(self) -> dict[str, Any] | None:
        """Look at what has the focus; None where nothing has it."""
        found: dict[str, Any] | None = self.page.evaluate(LOOK)
        if found:
            self.wrong += [f"{self.page.url}: {found['role']} “{found['name']}” {fault}" for fault in faults(found)]
        return found

    def press(self, key: str) -> dict[str, Any]:
        """Press a key that leaves the page as it is, and look at where the focus is then."""
        self.page.keyboard.press(key)
        found = self.look()
        assert found, f"{key} lost the focus on {self.page.url}"
        return found

    def to(self, name: str) -> None:
        """Go on to what has this name, from one stop to the next."""
        seen = []
        for _ in range(MOST):
            self.page.keyboard.press("Tab")
            found = self.look()
            if found and re.search(name, found["name"]):
                return
            seen.append(found["name"] if found else "–")
        raise AssertionError(f"{name} is not among {seen}")

    def enter(self, name: str) -> None:
        """Go on to what has this name, and press Enter there."""
        self.to(name)
        self.page.keyboard.press("Enter")

    def follow(self, name: str, press: str = "Enter") -> None:
        """Go on to what has this name, and press a key that leads to another page."""
        self.to(name)
        with self.page.expect_navigation():
            self.page.keyboard.press(press)

    def all_around(self, key: str) -> set[int]:
        """Go through all stops of the page, and give their places in it."""
        seen: set[int] = set()
        for _ in range(MOST):
            self.page.keyboard.press(key)
            found = self.look()
            if found is None or found["place"] in seen:
                return seen
            seen.add(found["place"])
        raise AssertionError(f"{self.page.url} has no end")


def faults(found: dict[str, Any]) -> list[str]:
    """Say why one cannot see where the focus is."""
    told = {
        f"has an outline of {found['outline']} px": found["outline"] < 2,
        f"has an outline of contrast {found['contrast']:.1f}": found["contrast"] < 3,
        "has an outline that is cut off": found["cut"] > 1,
        "is not on screen": found["shown"] < 8,
        "is covered": not found["own"][0] or sum(found["own"]) < 4,
    }
    return [fault for fault, holds in told.items() if holds]
