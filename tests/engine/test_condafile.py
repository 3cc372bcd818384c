"""Importing conda environment.yml files: what people have lying about becomes a recipe that can be read back."""

from __future__ import annotations

import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.engine import recipe
from stacks.engine.condafile import LARGEST, convert
from stacks.engine.errors import Refused

USUAL = """
name: My Lab
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.10
  - numpy>=1.26,<2
  - conda-forge::mpi4py
  - jupyterlab
  - pip
  - pip:
      - astro-datalab
      - "astropy[all] >= 6"
variables:
  KEY: value
prefix: /home/me/envs/lab
"""


def test_the_usual_file() -> None:
    written = convert(USUAL)
    found = recipe.parse(written)
    environment = found.environments[0]
    assert found.name == "my-lab"
    assert (environment.installer, environment.path, environment.python) == ("conda", "anaconda3", "3.10")
    assert environment.channels == ("conda-forge",)
    assert environment.packages == ("numpy>=1.26,<2", "conda-forge::mpi4py", "jupyterlab")
    assert environment.pip == ("astro-datalab", "astropy[all] >= 6")
    assert environment.jupyter
    assert environment.kernelspecs[0].name == "python3"
    assert "# variables: not carried over" in written


def test_a_python_that_is_no_plain_version_stays_a_package() -> None:
    environment = recipe.parse(convert("dependencies: ['python>=3.10,<3.13', xarray]")).environments[0]
    assert environment.packages == ("python>=3.10,<3.13", "xarray")


def test_no_jupyter_no_kernelspec() -> None:
    environment = recipe.parse(convert("dependencies: [xarray]")).environments[0]
    assert (environment.jupyter, environment.kernelspecs, environment.channels) == (False, (), ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dependencies: [", "not valid YAML, line 1"),
        ("- a", "no conda environment.yml"),
        ("name: x", "needs a list “dependencies”"),
        ("dependencies: a", "must be a list"),
        ("dependencies: [3]", "dependency 1 must be a string"),
        ("dependencies: [{conda: [a]}]", "dependency 1 must be a string or “pip:”"),
        ("dependencies: [{pip: [-r requirements.txt]}]", "is an option"),
        ("dependencies: ['--no-deps']", "would be read as an option"),
        ("dependencies: [a]\nplatforms: [linux-64]", "“platforms” is not known; allowed is channels"),
        ("dependencies: [a]\nchannels: ['https://user:pw@example.org/x']", "without user and password"),
        ("a: &a [1, 2]\ndependencies: [*a]", "aliases"),
        ("dependencies: [a]\nchannels: [!!python/object/apply:os.system ['true']]", "not valid YAML"),
        ("x" * (LARGEST + 1), "too large"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        convert(text)


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(st.text(string.printable + "é\u2028\x7f“”", min_size=1, max_size=12), max_size=4))
def test_whatever_stands_in_the_lists_is_carried_over_or_refused(items: list[str]) -> None:
    text = yaml.safe_dump({"dependencies": [{"pip": items}]}, allow_unicode=True)
    try:
        found = recipe.parse(convert(text))
    except Refused:
        return
    assert list(found.environments[0].pip) == [item.strip() for item in items]
