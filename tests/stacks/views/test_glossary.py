"""Words: one sentence each, beside them and on a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client

from stacks.glossary import WORDS
from tests.conftest import REPOSITORY

TEMPLATES = sorted((REPOSITORY / "templates").rglob("*.html"))


def test_the_page_has_every_word(as_viewer: Client, stranger: Client) -> None:
    page = as_viewer.get("/glossary/").content.decode()
    for sentence in WORDS.values():
        assert sentence in page
    assert stranger.get("/glossary/").status_code == 302
    assert as_viewer.post("/glossary/").status_code == 405


def test_a_word_opens_without_a_script() -> None:
    shown = Template('{% load dlstack %}{% term "backing link" %}').render(Context())
    assert shown.startswith("<details")
    assert WORDS["backing link"] in shown
    assert 'href="/glossary/#backing-link"' in shown


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_ask_for_words_that_there_are_once_each(path: Path) -> None:
    asked = re.findall(r'{% term "([^"]+)" %}', path.read_text())
    assert set(asked) <= set(WORDS)
    assert len(asked) == len(set(asked))


def test_a_word_that_is_none_is_an_error() -> None:
    with pytest.raises(KeyError):
        Template('{% load dlstack %}{% term "bundle" %}').render(Context())


def test_each_word_has_one_sentence() -> None:
    for word, sentence in WORDS.items():
        assert sentence.endswith("."), word
        assert ". " not in sentence, word
