"""The addresses of the pages about kernels."""

from __future__ import annotations

from django.urls import path

from kernels.views.changes import check, install, publish, uninstall
from kernels.views.library import add, edit, library, logo, remove, validate
from kernels.views.machine import machine
from kernels.views.matrix import matrix, matrix_csv, matrix_json

app_name = "kernels"

urlpatterns = [
    path("kernels/", matrix, name="matrix"),
    path("kernels/matrix.csv", matrix_csv, name="matrix-csv"),
    path("kernels/matrix.json", matrix_json, name="matrix-json"),
    path("kernels/validate", validate, name="validate"),
    path("machines/<str:name>/kernels/", machine, name="machine"),
    path("machines/<str:name>/kernels/check", check, name="check"),
    path("machines/<str:name>/kernels/publish/", publish, name="publish"),
    path("machines/<str:name>/kernels/install/<str:kernel>/", install, name="install"),
    path("machines/<str:name>/kernels/remove/<str:kernel>/", uninstall, name="uninstall"),
    path("machines/<str:name>/kernel-specs/", library, name="library"),
    path("machines/<str:name>/kernel-spec-add/", add, name="add"),
    path("machines/<str:name>/kernel-specs/<str:kernel>/", edit, name="edit"),
    path("machines/<str:name>/kernel-specs/<str:kernel>/logos/<str:logo>", logo, name="logo"),
    path("machines/<str:name>/kernel-specs/<str:kernel>/remove/", remove, name="remove"),
]
