"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from stacks.views.action import machine_action, version_action
from stacks.views.activity import activity, activity_csv, activity_json
from stacks.views.build import build
from stacks.views.comparison import comparison
from stacks.views.copying import copy
from stacks.views.dashboard import dashboard
from stacks.views.drift import drift
from stacks.views.glossary import glossary
from stacks.views.incident import incident, machine_incident, timeline_text
from stacks.views.joining import joining, joining_withdraw, machine_add, machine_join
from stacks.views.label import label
from stacks.views.leaving import forget, rename
from stacks.views.log import first_error, log, log_search, raw, stream
from stacks.views.machine import machine
from stacks.views.marks import clear, freeze
from stacks.views.operation import cancel, operation, operation_state, retry
from stacks.views.operations import operations
from stacks.views.processes import processes
from stacks.views.recipes import recipe, recipe_check, recipe_edit, recipe_import, recipe_solve, recipes
from stacks.views.releases import release, release_feed, release_list
from stacks.views.rollouts import revert_all, rollout, rollout_add, rollout_cancel, rollout_list, rollout_resume
from stacks.views.schedules import (
    schedule,
    schedule_add,
    schedule_delete,
    schedule_do,
    schedule_edit,
    schedule_list,
)
from stacks.views.settings import settings
from stacks.views.solve import solve
from stacks.views.styleguide import styleguide
from stacks.views.switch import deploy, revert
from stacks.views.theme import theme
from stacks.views.version import version
from stacks.views.windows import window_add, window_delete, window_edit, window_lift, window_list

app_name = "stacks"

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("machines/<str:name>/", machine, name="machine"),
    path("compare/", comparison, name="comparison"),
    path("machine-add/", machine_add, name="machine-add"),
    path("joinings/<int:pk>/", joining, name="joining"),
    path("joinings/<int:pk>/withdraw/", joining_withdraw, name="joining-withdraw"),
    path("machines/<str:name>/join/", machine_join, name="machine-join"),
    path("machines/<str:name>/rename/", rename, name="rename"),
    path("machines/<str:name>/forget/", forget, name="forget"),
    path("machines/<str:name>/build/", build, name="build"),
    path("machines/<str:name>/solve/", solve, name="solve"),
    path("machines/<str:name>/drift/", drift, name="drift"),
    path("machines/<str:name>/processes/", processes, name="processes"),
    path("machines/<str:name>/settings/", settings, name="settings"),
    path("machines/<str:name>/incident/", machine_incident, name="machine-incident"),
    path("machines/<str:name>/incident/timeline.txt", timeline_text, name="timeline"),
    path("machines/<str:name>/freeze/", freeze, name="freeze"),
    path("machines/<str:name>/do/<str:action>/", machine_action, name="action"),
    path("machines/<str:name>/versions/<str:version>/", version, name="version"),
    path("machines/<str:name>/versions/<str:version>/label/", label, name="label"),
    path("machines/<str:name>/versions/<str:version>/clear/", clear, name="clear"),
    path("machines/<str:name>/versions/<str:version>/copy/", copy, name="copy"),
    path("machines/<str:name>/versions/<str:version>/do/<str:action>/", version_action, name="version-action"),
    path("machines/<str:name>/deploy/<str:version>/", deploy, name="deploy"),
    path("machines/<str:name>/revert/", revert, name="revert"),
    path("activity/", activity, name="activity"),
    path("activity.csv", activity_csv, name="activity-csv"),
    path("activity.json", activity_json, name="activity-json"),
    path("incident/", incident, name="incident"),
    path("incident/revert-all/", revert_all, name="revert-all"),
    path("rollouts/", rollout_list, name="rollouts"),
    path("rollout-add/", rollout_add, name="rollout-add"),
    path("rollouts/<int:pk>/", rollout, name="rollout"),
    path("rollouts/<int:pk>/resume", rollout_resume, name="rollout-resume"),
    path("rollouts/<int:pk>/cancel", rollout_cancel, name="rollout-cancel"),
    path("schedules/", schedule_list, name="schedules"),
    path("schedule-add/", schedule_add, name="schedule-add"),
    path("schedules/<int:pk>/", schedule, name="schedule"),
    path("schedules/<int:pk>/edit/", schedule_edit, name="schedule-edit"),
    path("schedules/<int:pk>/do", schedule_do, name="schedule-do"),
    path("schedules/<int:pk>/delete/", schedule_delete, name="schedule-delete"),
    path("windows/", window_list, name="windows"),
    path("window-add/", window_add, name="window-add"),
    path("windows/<int:pk>/", window_edit, name="window"),
    path("windows/<int:pk>/lift/", window_lift, name="window-lift"),
    path("windows/<int:pk>/delete/", window_delete, name="window-delete"),
    path("operations/", operations, name="operations"),
    path("operations/<int:pk>/", operation, name="operation"),
    path("operations/<int:pk>/log", log, name="operation-log"),
    path("operations/<int:pk>/log/search", log_search, name="operation-search"),
    path("operations/<int:pk>/log/first-error", first_error, name="operation-first-error"),
    path("operations/<int:pk>/log.txt", raw, name="operation-raw"),
    path("operations/<int:pk>/stream", stream, name="operation-stream"),
    path("operations/<int:pk>/state.json", operation_state, name="operation-state"),
    path("operations/<int:pk>/cancel", cancel, name="cancel"),
    path("operations/<int:pk>/retry", retry, name="retry"),
    path("recipes/", recipes, name="recipes"),
    path("recipe-import/", recipe_import, name="recipe-import"),
    path("recipe-check/", recipe_check, name="recipe-check"),
    path("recipes/<str:name>/", recipe, name="recipe"),
    path("recipes/<str:name>/edit/", recipe_edit, name="recipe-edit"),
    path("recipes/<str:name>/solve/", recipe_solve, name="recipe-solve"),
    path("releases/<str:name>/", release_list, name="releases"),
    path("releases/<str:name>/atom.xml", release_feed, name="release-feed"),
    path("releases/<str:name>/<str:version>/", release, name="release"),
    path("glossary/", glossary, name="glossary"),
    path("styleguide/", styleguide, name="styleguide"),
    path("theme/", theme, name="theme"),
]
