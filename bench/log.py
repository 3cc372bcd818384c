"""How fast the log of an operation gets to its pages, and how a long one opens: against the goals of the design.

    python -m bench.log [--quick] [--json FILE]

Starts a web server and a Valkey of its own in a home below the temporary directory, and Chromium.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from bench.figures import Table, calm, run
from bench.stage import Stage, Writer, raw_viewers, server, staged

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
MB = 1024 * 1024
# What a page notes of its own log: for each line how late it came, and every 50 ms how old the newest one is.
WATCH = """() => {
  const late = window.late = [], lag = window.lag = [], log = document.getElementById("log");
  const age = (line) => Date.now() - Number((line?.textContent.match(/ at=(\\d+)=/) || [])[1]);
  new MutationObserver((seen) => requestAnimationFrame(() => {
    for (const { addedNodes } of seen) for (const node of addedNodes) {
      const lines = node.classList?.contains("line") ? [node] : node.querySelectorAll?.(".line") ?? [];
      for (const line of lines) late.push(age(line));
    }
  })).observe(log, { childList: true, subtree: true });
  setInterval(() => {
    const lines = log.getElementsByClassName("line");
    lag.push([Date.now(), age(lines[lines.length - 1])]);
  }, 50);
}"""


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(value for value in values if value == value)  # noqa: PLR0124  # a line without a stamp is no number
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def measure_viewers(table: Table, stage: Stage, browser: Browser, seconds: float) -> None:
    """Measure 1,000 lines a second with 49 plain viewers and one browser."""
    calm()
    writer, page = Writer(1000, seconds), stage.context(browser).new_page()
    page.goto(f"/operations/{writer.pk}/")
    page.evaluate(WATCH)
    web = server()
    web.cpu_percent()
    writer.go()
    with ThreadPoolExecutor(1) as other:  # in this thread runs Playwright's loop
        late = other.submit(asyncio.run, raw_viewers(stage, writer.pk, 49, seconds + 1)).result()
    busy = web.cpu_percent()
    seen = page.evaluate("window.late")
    writer.finish()
    name = f"log: 1,000 lines/s for {seconds:.0f} s, 50 viewers"
    received = f"{len(late):,} lines received, web server's processor {busy:.0f} %"
    seconds_late(table, f"{name}: written → received, p95", late, note=received)
    seconds_late(table, "  written → visible in Chromium, p95", seen)
    page.context.close()


def measure_burst(table: Table, stage: Stage, browser: Browser, seconds: float) -> None:
    """Measure 20,000 lines a second with five browsers."""
    from stacks import logs
    from stacks.models import Operation

    calm()
    writer = Writer(20_000, seconds)
    pages = [stage.context(browser).new_page() for _ in range(5)]
    for page in pages:
        page.goto(f"/operations/{writer.pk}/")
        page.evaluate(WATCH)
    writer.go()
    told = writer.finish()
    lags = [age for page in pages for age in while_written(page.evaluate("window.lag"))]
    stored = Operation.objects.get(pk=writer.pk)
    whole = sum(1 for first in range(1, told["written"] + 1, 20_000)
                for _ in logs.read_lines(stored, first, min(first + 19_999, told["written"])))  # fmt: skip
    pace = f"{told['written']:,} lines in {told['seconds']:.1f} s"
    name = f"log: 20,000 lines/s for {seconds:.0f} s, 5 browsers: lines not stored"
    table.add(name, told["written"] - whole, goal="= 0", note=pace)
    seconds_late(table, "  age of the newest line on the page, p95", lags)
    failed = sum(not passed_over(page) for page in pages[:1])
    table.add("  gaps of passed over lines that stay when scrolled to", failed, goal="= 0")
    for page in pages:
        page.context.close()


def while_written(samples: list[tuple[float, float | None]]) -> list[float]:
    """Give the ages that were seen while lines were being written: from the first line to the stamp of the last."""
    seen = [(at, age) for at, age in samples if age is not None]
    return [age for at, age in seen if at <= seen[-1][0] - seen[-1][1]]


def passed_over(page: Page) -> bool:
    """Scroll up into the newest gap and see whether its lines come."""
    page.wait_for_function("document.getElementById('log-follow').closest('.tool').hidden", timeout=20_000)
    gap = page.locator("#log .gap").last
    first, last = gap.get_attribute("data-first"), int(gap.get_attribute("data-last") or 0)
    page.locator("#log").hover()
    for _ in range(150):  # as many as lead through all that a page that follows keeps
        page.mouse.wheel(0, -300)  # slower than a page at once, or a gap is passed and filled from above
        page.wait_for_timeout(50)
        if page.locator(f"#L{last}").count():
            return bool(first)
    return False


def measure_long(table: Table, stage: Stage, browser: Browser, lines: int) -> None:
    """Measure a finished log of a million lines, 100 MB."""
    pk, size = long_log(lines)
    page = stage.context(browser).new_page()
    page.goto("/")
    calm()
    name = f"log of {lines:,} lines ({size / 1e6:.0f} MB): the page opens, last line visible"
    table.add(name, several(lambda: opened(page, pk)), "s", goal="≤ 1")
    for search, query in searches():
        table.add(f"  search: {search}", several(partial(ask, page, pk, query)), "s", goal="≤ 1")
    table.add("  jump to a line in the middle", several(lambda: jump(page, pk, lines // 2)), "s", goal="≤ 1")
    longest = scroll(page, pk, min(400, lines // 1_000))
    own, resident, whole = memory()
    note = f"resident {resident / MB:.0f} MB, all processes {whole / MB:.0f} MB, longest frame {longest:.0f} ms"
    table.add("  Chromium's memory after scrolling up, the page's process", own / MB, "MB", goal="< 300", note=note)
    page.context.close()


def long_log(lines: int) -> tuple[int, int]:
    """Store a log as the writer would, and give the operation and the bytes of its text."""
    from stacks import operations
    from stacks.engine.events import Event
    from stacks.logs import chunks
    from stacks.logs.lines import encode
    from tests.logged import begun

    pk, size, stride = begun(), 0, 2000
    for first in range(1, lines + 1, stride):
        texts = [text_of(n, lines) for n in range(first, first + stride)]
        size += sum(len(text) + 1 for text in texts)
        rows = [row.encode() for text in texts for row in encode(Event("output", text, "step"))]
        chunks.packed(pk, first, rows).save()
    operations.finish(operation_id=pk, state="failed", message="Stored.", log_lines=lines)
    return pk, size


def text_of(n: int, lines: int) -> str:
    name = f"package-{n * 7919 % 1_000_003}"
    if n == lines - 10:
        return f"ERROR: the needle {name} could not be installed"
    colour = "\x1b[32m" if n % 3 == 0 else ""
    reset = "\x1b[0m" if colour else ""
    place = f"/data0/sw/anaconda3/lib/python3.11/site-packages/{n:08d}"
    return f"{colour}Installing{reset} {name}-1.{n % 17}.{n % 5} to {place}"


def searches() -> list[tuple[str, str]]:
    return [
        ("what is on the last page", "q=THE+needle"),
        ("what is nowhere", "q=nowhere+to+be+found"),
        ("what every line has before its text", "q=output"),
        ("across a colour, not ASCII", "q=ünknown"),
        ("the errors", "errors=1"),
    ]


def several(work: Callable[[], float], times: int = 5) -> list[float]:
    return [work() for _ in range(times)]


def opened(page: Page, pk: int) -> float:
    page.goto("about:blank")
    began = time.monotonic()
    page.goto(f"/operations/{pk}/")
    page.locator("#log .line").last.wait_for()
    return time.monotonic() - began


def ask(page: Page, pk: int, query: str) -> float:
    began = time.monotonic()
    assert page.request.get(f"/operations/{pk}/log/search?{query}").ok
    return time.monotonic() - began


def jump(page: Page, pk: int, line: int) -> float:
    page.goto(f"/operations/{pk}/")
    began = time.monotonic()
    page.evaluate(f"location.hash = 'L{line}'")
    page.locator(f"#L{line}").wait_for()
    return time.monotonic() - began


def scroll(page: Page, pk: int, times: int) -> float:
    """Scroll up so many times; gives the longest time in ms between two frames."""
    page.goto(f"/operations/{pk}/")
    page.evaluate("""() => { let then = performance.now(); window.longest = 0;
      const tick = (now) => {
        window.longest = Math.max(window.longest, now - then); then = now; requestAnimationFrame(tick); };
      requestAnimationFrame((now) => { then = now; tick(now); }); }""")
    page.locator("#log").hover()
    for _ in range(times):
        page.mouse.wheel(0, -2000)
        page.wait_for_timeout(15)
    return float(page.evaluate("window.longest"))


def memory() -> tuple[int, int, int]:
    """Give the memory of the largest page's process, the same with all that others share, and that of all processes.

    In what is resident the program itself counts, more than 100 MB, although it is in memory once for all processes;
    in the other two it is divided among them.
    """
    mine = [process for process in psutil.Process().children(recursive=True) if "chrom" in process.name()]
    taken = {process: process.memory_full_info() for process in mine}
    pages = [told for process, told in taken.items() if "--type=renderer" in process.cmdline()]
    largest = max(pages, key=lambda told: told.rss)
    return largest.pss, largest.rss, sum(told.pss for told in taken.values())


def seconds_late(table: Table, what: str, milliseconds: list[float], note: str = "") -> None:
    middle = f"median {percentile(milliseconds, 0.5) / 1000:.2f} s"
    told = ", ".join(filter(None, (middle, note)))
    table.add(what, percentile(milliseconds, 0.95) / 1000, "s", goal="≤ 0.5", note=told)


def main(table: Table, quick: bool) -> None:
    with staged() as stage, sync_playwright() as playwright:
        launch = partial(playwright.chromium.launch, executable_path="/usr/bin/chromium", args=ARGUMENTS)
        with launch() as browser:
            measure_viewers(table, stage, browser, 5 if quick else 20)
            measure_burst(table, stage, browser, 3 if quick else 10)
        with launch() as browser:
            measure_long(table, stage, browser, 100_000 if quick else 1_000_000)


if __name__ == "__main__":
    run(main, __doc__ or "")
