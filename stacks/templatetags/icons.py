"""The icons of heroicons, each drawn once: a page shows some of them hundreds of times."""

from __future__ import annotations

from functools import lru_cache

from django import template
from heroicons.templatetags import heroicons

register = template.Library()

for _draw in (heroicons.heroicon_micro, heroicons.heroicon_mini, heroicons.heroicon_outline, heroicons.heroicon_solid):
    register.simple_tag(lru_cache(maxsize=256)(_draw), name=_draw.__name__)
