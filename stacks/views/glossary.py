"""The words of the pages."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from stacks.glossary import WORDS
from stacks.http import Request, viewing


@viewing
def glossary(request: Request) -> HttpResponse:
    """List every word with its sentence."""
    return render(request, "stacks/glossary.html", {"words": WORDS})
