"""The colours that programs print: each ink on each paper is read in both themes, on every kind of line."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import Browser

from stacks.loghtml import KINDS, render_lines
from stacks.logs import LogLine

pytestmark = pytest.mark.browser
LEAST = 4.5
FOREGROUNDS = ("", *map(str, (*range(30, 38), *range(90, 98))))
BACKGROUNDS = ("", *map(str, range(40, 48)))
HOW = ("", "1", "2", "7", "2;7")  # as it is, bold, dim, inverse, dim and inverse
LOOK = """(least) => {
  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  function colour(text) {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = text;
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data];
  }
  function luminance(rgb) {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function ground(place) {
    const found = colour(getComputedStyle(place).backgroundColor);
    return found[3] === 255 ? found : ground(place.parentElement);
  }
  const wrong = [], looked = document.querySelectorAll(".line, .line > a, .line > span");
  for (const one of looked) {
    const { color, opacity } = getComputedStyle(one), levels = [luminance(colour(color)), luminance(ground(one))];
    const contrast = (Math.max(...levels) + 0.05) / (Math.min(...levels) + 0.05);
    const name = `${one.parentElement.className} > ${one.className}`;
    if (contrast < least || opacity !== "1") wrong.push(`${name} ${contrast.toFixed(2)} ${opacity}`);
  }
  return [looked.length, wrong];
}"""


def page_of(text: str) -> str:
    sheets = "".join(
        f"<style>{Path(str(finders.find(name))).read_text()}</style>" for name in ("css/bootstrap.min.css", "app.css")
    )
    lines = [LogLine(n, 0, kind, "step", text) for n, kind in enumerate(sorted(KINDS), 1)]
    marked = [replace(line, n=line.n + len(lines)) for line in lines]
    # One at a time: what one answer holds is bounded, and the longest lines of it would be shortened.
    shown = "".join(render_lines([line], range(marked[0].n, 99)) for line in (*lines, *marked))
    return f'{sheets}<div class="log">{shown}</div>'


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_ink_is_read_on_every_paper(browser: Browser, theme: str) -> None:
    codes = (";".join(filter(None, one)) for one in product(HOW, FOREGROUNDS, BACKGROUNDS))
    page = browser.new_page(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_content(page_of("".join(f"\x1b[{code}mx\x1b[0m " for code in codes)))
    looked, wrong = page.evaluate(LOOK, LEAST)
    page.close()
    assert looked > 2 * len(KINDS) * len(HOW) * len(FOREGROUNDS) * len(BACKGROUNDS)
    assert wrong == []
