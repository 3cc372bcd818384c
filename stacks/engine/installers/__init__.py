"""The installers by the name that recipes use: one line for each."""

from stacks.engine.installers.base import Installer
from stacks.engine.installers.conda import Conda
from stacks.engine.installers.external import External
from stacks.engine.installers.script import Script
from stacks.engine.installers.venv import Venv

INSTALLERS: dict[str, Installer] = {
    "conda": Conda(),
    "external": External(),
    "script": Script(),
    "venv": Venv(),
}
