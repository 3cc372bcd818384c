"""The installers by the name that recipes use: one line for each."""

from stacks.engine.installers.base import Installer
from stacks.engine.installers.venv import Venv

INSTALLERS: dict[str, Installer] = {
    "venv": Venv(),
}
