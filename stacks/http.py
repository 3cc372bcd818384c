"""The guards of this app's pages: who may look, who may change what can be taken back, and what is an admin's.

`…ing` pages show a form and take it; `commanding…` ones are only ever sent.
"""

from __future__ import annotations

from access.http import Request, asking, demand, reading, sending
from access.roles import LIBRARY, LOOK, MACHINES, OPERATE, RECIPES

__all__ = [
    "Request", "changing", "changing_library", "changing_machines", "changing_recipes", "commanding",
    "commanding_library", "commanding_machines", "commanding_recipes", "demand", "managing", "viewing",
]  # fmt: skip

viewing = reading(LOOK)
changing = asking(OPERATE)
commanding = sending(OPERATE)
managing = reading(MACHINES)
changing_machines = asking(MACHINES)
commanding_machines = sending(MACHINES)
changing_recipes = asking(RECIPES)
commanding_recipes = sending(RECIPES)
changing_library = asking(LIBRARY)
commanding_library = sending(LIBRARY)
