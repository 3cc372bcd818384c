"""The recipe format: what each installer takes, several environments, options, and errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.engine import recipe
from stacks.engine.errors import Refused
from stacks.engine.installers import INSTALLERS

SHIPPED = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))

WHOLE = """name = "whole"
description = "Every installer."

[[environments]]
path = "anaconda3"
installer = "conda"
python = "3.11"
channels = ["conda-forge", "https://mirror.example.org/conda", "file:///srv/channel", "/srv/other"]
packages = ["mpi4py", "numpy=1.26"]
pip = ["astropy"]
jupyter = true

[[environments.kernelspecs]]
name = "python3"
display_name = "Python 3"

[[environments]]
path = "light"
installer = "venv"
packages = ["requests"]

[[environments]]
path = "scripted"
installer = "script"
source = "ssh://git@example.org:2222/lab/install.git"
ref = "release/2026"
script = "bin/install.sh"
arguments = ["-R", "{root}"]
kernel_arguments = ["-K", "{kernel_dir}"]

[environments.variables]
LANG = "C"

[[environments]]
path = "antares-kernel"
installer = "external"
owner = "899:899"
source = "/srv/antares"

[options.dev]
title = "Development"

[options.dev.add]
light = ["httpx"]

[options.dev.pip]
anaconda3 = ["ipympl"]

[options.dev.replace]
anaconda3 = { astropy = "astropy>=7", mpi4py = "mpi4py=4" }

[options.dev.arguments]
scripted = ["-d"]

[options.early]
arguments = { scripted = ["-e"] }
"""


def changed(line: str, to: str) -> str:
    assert line in WHOLE
    return WHOLE.replace(line, to, 1)


def test_every_installer_reads_its_own_fields() -> None:
    conda, venv, script, external = recipe.parse(WHOLE).environments
    assert conda.channels == ("conda-forge", "https://mirror.example.org/conda", "file:///srv/channel", "/srv/other")
    assert (conda.packages, conda.pip, conda.python) == (("mpi4py", "numpy=1.26"), ("astropy",), "3.11")
    assert (venv.packages, venv.python) == (("requests",), "3")
    assert (script.ref, script.script, script.variables) == ("release/2026", "bin/install.sh", (("LANG", "C"),))
    assert (external.owner, external.source) == ("899:899", "/srv/antares")


def test_options_change_packages_pip_and_arguments() -> None:
    conda, venv, script, _ = recipe.parse(WHOLE).with_options(["early", "dev"]).environments
    assert conda.packages == ("mpi4py=4", "numpy=1.26")
    assert conda.pip == ("astropy>=7", "ipympl")
    assert venv.packages == ("requests", "httpx")
    assert script.arguments == ("-R", "{root}", "-d", "-e")  # in the recipe's order


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(Refused, match="no option “x”; it has: dev, early"):
        recipe.parse(WHOLE).with_options(["x"])


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_recipes_are_right(file: Path) -> None:
    found = recipe.parse(file.read_text())
    assert found.name == file.stem
    assert found.with_options(list(found.options))
    assert sum(environment.jupyter for environment in found.environments) == 1


def test_the_data_lab_recipe_holds_what_was_asked() -> None:
    base, dragons, antares = recipe.parse(next(f for f in SHIPPED if f.stem == "datalab").read_text()).environments
    wanted = """antares-client astropy astropy-healpix astroquery bokeh healpy jdaviz numba pyvo pandas rebound seaborn
    astroml astroplan batman-package emcee fitsio gatspy ginga glueviz h5py ipympl jupyterhub jupyterlab
    jupyterhub-idle-culler lmfit matplotlib mpdaf photutils plotly ppxf specutils sparclclient speclite vorbin
    ipyaladin astro-datalab"""
    assert set(wanted.split()) <= set(base.pip)
    assert {"mpi4py", "nodejs"} <= set(base.packages)
    assert dragons.installer == "conda"
    assert dragons.kernelspecs
    assert (antares.installer, antares.owner) == ("external", "899:899")


@pytest.mark.parametrize(
    ("line", "to", "says"),
    [
        (
            'python = "3.11"',
            'python = "2.7"',
            "environments 1, line 7: “python” is “2.7”; allowed is a version of Pyth",
        ),
        (
            'packages = ["requests"]',
            'channels = ["x"]',
            "environments 2, line 20: “channels” is not known here; allowed",
        ),
        (
            'installer = "venv"',
            'installer = "pip"',
            "line 19: “installer” is “pip”; allowed is conda, external, script",
        ),
        ('pip = ["astropy"]', 'pip = ["--pre"]', "line 10: “pip” has “--pre”, which would be read as an option"),
        (
            '"/srv/other"]',
            '"http://me:pw@x.org/c"]',
            "line 8: “channels” has “http://me:pw@x.org/c”; allowed is a chan",
        ),
        ('"/srv/other"]', '"--yes"]', "line 8: “channels” has “--yes”, which would be read as an option"),
        ('path = "light"', 'path = "../x"', "line 18: “path” is “../x”; allowed is letters"),
        ('path = "light"', 'path = "anaconda3"', "line 18: “path” is “anaconda3” in two environments"),
        ('packages = ["requests"]', "jupyter = true", "line 20: “jupyter” is true in more than one environment"),
        ('script = "bin/install.sh"\n', "", "environments 3, line 22: “script” is missing: the installer script needs"),
        ('owner = "899:899"', 'owner = "0:0"', "“owner” is “0:0”; allowed is a numeric uid:gid"),
        ('LANG = "C"', '"A B" = "C"', "environments 3.variables, line 32: “A B” cannot name a variable"),
        ('LANG = "C"', "LANG = 3", "line 32: “LANG” must be a string, not 3"),
        ("light = [", "heavy = [", "options.dev.add, line 44: “heavy” is no environment of this recipe; there are"),
        ("light = [", "scripted = [", "“scripted” has the installer script, which takes no packages"),
        ('title = "Development"', 'titel = "x"', "options.dev, line 41: “titel” is not known here"),
        ('name = "python3"', 'nom = "python3"', "environments 1.kernelspecs 1, line 13: “name” is missing"),
        ('description = "Every installer."', "description = 3", "recipe, line 2: “description” must be a string"),
    ],
)
def test_errors_name_the_line_and_what_is_allowed(line: str, to: str, says: str) -> None:
    with pytest.raises(Refused) as refused:
        recipe.parse(changed(line, to))
    assert says in str(refused.value)


SOURCES = [
    *("http://example.org/x", "file:///srv/x", "git://example.org/x", "ext::sh -c id", "host:path", "git@host:x/y"),
    *("https://me:secret@example.org/x", "https://token@example.org/x", "--upload-pack=id", "-oProxyCommand=id"),
    *("ssh://-oProxyCommand=id/x", "ssh://me:pw@example.org/x", "../x", "x", "https:///x", "https://a b/c", "/a\nb"),
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_https_ssh_or_an_absolute_path(source: str) -> None:
    with pytest.raises(Refused):
        recipe.parse(changed("ssh://git@example.org:2222/lab/install.git", source.replace("\n", "\\n")))


@pytest.mark.parametrize(
    "source", ["https://example.org/a/b.git", "https://x.org:8443/a", "ssh://x.org/~me/a", "/srv/a"]
)
def test_usual_sources(source: str) -> None:
    assert recipe.parse(changed("ssh://git@example.org:2222/lab/install.git", source)).environments[2].source == source


@pytest.mark.parametrize(
    "ref",
    ["--upload-pack=id", "-b", "a..b", "a b", "main:refs/heads/x", "+main", "HEAD@{1}", "a.lock", "a/", "^x", "a\\n"],
)
def test_a_ref_smuggles_nothing(ref: str) -> None:
    with pytest.raises(Refused):
        recipe.parse(changed("release/2026", ref))


@pytest.mark.parametrize("script", ["/bin/sh", "../x.sh", "a/../../x", "-x", "a b", "./x", "a/"])
def test_a_script_lies_inside_its_source(script: str) -> None:
    with pytest.raises(Refused):
        recipe.parse(changed("bin/install.sh", script))


def test_a_table_line_is_found_whatever_the_order() -> None:
    text = '[options.x]\ntitle = 3\n[[environments]]\npath = "a"\ninstaller = "venv"\n'
    with pytest.raises(Refused, match=r"recipe, line 1: “name” is missing"):
        recipe.parse(text)
    with pytest.raises(Refused, match=r"options.x, line 3: “title” must be a string"):
        recipe.parse('name = "a"\n' + text)


def test_each_installer_says_what_it_takes() -> None:
    assert list(INSTALLERS) == sorted(INSTALLERS)
    for installer in INSTALLERS.values():
        assert set(installer.needed) <= set(installer.fields)
