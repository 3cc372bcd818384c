"""The forms: what is asked for, checked as far as a form can; the rest is refused by `stacks.operations`."""

from stacks.forms.actions import ACTIONS, VERSION_ACTIONS
from stacks.forms.activity import ActivityFilter
from stacks.forms.asking import ActionForm
from stacks.forms.build import BuildForm
from stacks.forms.copying import CopyForm
from stacks.forms.incident import FreezeForm, ReasonForm, RevertForm
from stacks.forms.joining import ForgetForm, JoiningForm, NameForm
from stacks.forms.labels import LabelForm
from stacks.forms.operations import OperationFilter
from stacks.forms.recipes import EditForm, ImportForm
from stacks.forms.rollouts import RevertAllForm, RolloutForm
from stacks.forms.schedules import ScheduleForm
from stacks.forms.settings import SettingsForm
from stacks.forms.switch import SwitchForm
from stacks.forms.windows import WindowForm

__all__ = [
    "ACTIONS",
    "VERSION_ACTIONS",
    "ActionForm",
    "ActivityFilter",
    "BuildForm",
    "CopyForm",
    "EditForm",
    "ForgetForm",
    "FreezeForm",
    "ImportForm",
    "JoiningForm",
    "LabelForm",
    "NameForm",
    "OperationFilter",
    "ReasonForm",
    "RevertAllForm",
    "RevertForm",
    "RolloutForm",
    "ScheduleForm",
    "SettingsForm",
    "SwitchForm",
    "WindowForm",
]
