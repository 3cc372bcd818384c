"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from stacks.views.action import machine_action, version_action
from stacks.views.build import build
from stacks.views.dashboard import dashboard
from stacks.views.drift import drift
from stacks.views.label import label
from stacks.views.log import first_error, log, log_search, raw, stream
from stacks.views.machine import machine
from stacks.views.operation import cancel, operation, operation_state, retry
from stacks.views.operations import operations
from stacks.views.recipes import recipe, recipe_import, recipes
from stacks.views.settings import settings
from stacks.views.sign_in import sign_in, sign_in_link, sign_out
from stacks.views.solve import solve
from stacks.views.switch import deploy, revert
from stacks.views.theme import theme
from stacks.views.version import version

app_name = "stacks"

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("machines/<str:name>/", machine, name="machine"),
    path("machines/<str:name>/build/", build, name="build"),
    path("machines/<str:name>/solve/", solve, name="solve"),
    path("machines/<str:name>/drift/", drift, name="drift"),
    path("machines/<str:name>/settings/", settings, name="settings"),
    path("machines/<str:name>/do/<str:action>/", machine_action, name="action"),
    path("machines/<str:name>/versions/<str:version>/", version, name="version"),
    path("machines/<str:name>/versions/<str:version>/label/", label, name="label"),
    path("machines/<str:name>/versions/<str:version>/do/<str:action>/", version_action, name="version-action"),
    path("machines/<str:name>/deploy/<str:version>/", deploy, name="deploy"),
    path("machines/<str:name>/revert/", revert, name="revert"),
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
    path("recipes/<str:name>/", recipe, name="recipe"),
    path("sign-in/", sign_in, name="sign-in"),
    path("sign-in/link/", sign_in_link, name="sign-in-link"),
    path("sign-out/", sign_out, name="sign-out"),
    path("theme/", theme, name="theme"),
]
