"use strict";
// The gaps of the log. A gap is as high as its lines would be, so that the scroll bar tells the place in the whole log;
// where somebody looks into one, the lines that belong there are fetched.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const PAGE = 200, NEAR = 1500, PAUSE = 100, FULL_HEIGHT = 400_000; // lines, pixels, ms, lines
  const { numberOf, isGap, firstOf, lastOf, parse, chunksOf, firstSeen, keepPlace } = log.parts;
  const near = new Set();
  let busy = false, timer = 0, filled = 0, isFollowing = () => false, afterwards = () => {};

  const all = () => [...log.querySelectorAll(".gap")];

  function make(first, until) {
    const gap = document.createElement("div"), button = document.createElement("button");
    gap.className = "gap";
    button.type = "button";
    button.className = "btn btn-sm btn-log";
    gap.append(button);
    label(gap, first, until);
    watch(gap);
    return gap;
  }

  function label(gap, first, until) {
    gap.dataset.first = first;
    gap.dataset.last = until;
    gap.style.setProperty("--lines", until - first + 1);
    gap.firstElementChild.textContent = `Load lines ${first.toLocaleString()}–${until.toLocaleString()}`;
  }

  // Browsers have no room for the whole height of a log that is very long.
  function scaleTo(last) {
    log.style.setProperty("--scale", Math.min(1, FULL_HEIGHT / last));
  }

  function passOver(first, until) {
    const open = log.lastElementChild;
    if (isGap(open)) label(open, firstOf(open), until);
    else log.append(make(first, until));
  }

  // A chunk that is far from what is read becomes a gap, one with the gaps beside it.
  function collapse(chunk) {
    const { previousElementSibling: before, nextElementSibling: after } = chunk;
    const first = firstOf(isGap(before) ? before : chunk), until = lastOf(isGap(after) ? after : chunk);
    for (const gap of [before, after].filter(isGap)) forget(gap);
    chunk.replaceWith(make(first, until));
  }

  function forget(gap) {
    if (gap.contains(document.activeElement)) log.focus({ preventScroll: true });
    watcher?.unobserve(gap);
    near.delete(gap);
    gap.remove();
  }

  // ---- filling --------------------------------------------------------------------------------------------------------
  async function fetchLines(from, until) {
    const answer = await fetch(`${log.dataset.chunk}?from=${from}&to=${until}`, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) throw new Error(`HTTP ${answer.status}`);
    return parse(await answer.text());
  }

  // What is in the page already stays: two may have asked for the same lines.
  function put(content) {
    for (const gap of all()) {
      const first = firstOf(gap), until = lastOf(gap);
      const lines = [...content.children].filter((line) => first <= numberOf(line) && numberOf(line) <= until);
      if (!lines.length) continue;
      const from = numberOf(lines[0]), to = numberOf(lines[lines.length - 1]);
      gap.before(...(from > first ? [make(first, from - 1)] : []), ...chunksOf(lines), ...(to < until ? [make(to + 1, until)] : []));
      forget(gap);
    }
  }

  // Brings the lines around a number, for whoever goes there next.
  async function bring(number) {
    const gap = all().find((one) => firstOf(one) <= number && number <= lastOf(one));
    if (!gap) return;
    const content = await fetchLines(Math.max(firstOf(gap), number - PAGE / 2), Math.min(lastOf(gap), number + PAGE / 2 - 1));
    keepPlace(() => put(content));
  }

  // ---- where somebody looks -------------------------------------------------------------------------------------------
  // The end of a gap or its beginning, whichever is near; else what would stand in the middle of the log.
  function wanted(gap) {
    const first = firstOf(gap), until = lastOf(gap), box = gap.getBoundingClientRect(), seen = log.getBoundingClientRect();
    const endNear = box.bottom < seen.bottom + NEAR, beginNear = box.top > seen.top - NEAR, line = firstSeen();
    if (beginNear && (!endNear || (line && numberOf(line) < first))) return { from: first, until: Math.min(until, first + PAGE - 1) };
    if (endNear) return { from: Math.max(first, until - PAGE + 1), until, fromBelow: true };
    const middle = first + Math.round((until - first) * ((seen.top + seen.bottom) / 2 - box.top) / box.height);
    return { from: Math.max(first, middle - PAGE / 2), until: Math.min(until, middle + PAGE / 2 - 1) };
  }

  async function open(gap) {
    const { from, until } = wanted(gap), content = await fetchLines(from, until);
    if (!content.childElementCount) { near.delete(gap); return; }
    if (!gap.isConnected) return;
    // Who scrolls fast is elsewhere by now.
    const now = wanted(gap), rest = log.scrollHeight - log.scrollTop;
    if (now.until < from || until < now.from) return;
    keepPlace(() => put(content), () => { if (now.fromBelow) log.scrollTop = log.scrollHeight - rest; });
    filled = performance.now();
    afterwards();
  }

  // One at a time and with a pause between, or who scrolls fast would fill the memory with lines that nobody reads.
  async function look() {
    clearTimeout(timer);
    const [gap] = near, wait = filled + PAUSE - performance.now();
    if (busy || !gap || isFollowing()) return;
    if (wait > 0) { timer = setTimeout(look, wait); return; }
    busy = true;
    try {
      await open(gap);
      timer = setTimeout(look, PAUSE);
    } catch {
      // The server is away: whoever scrolls on asks again.
    } finally {
      busy = false;
    }
  }

  const watcher = "IntersectionObserver" in window ? new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) near[isIntersecting && target.isConnected ? "add" : "delete"](target);
    look();
  }, { root: log, rootMargin: `${NEAR}px 0px` }) : null;

  function watch(gap) {
    watcher?.observe(gap);
  }

  function start(following, whenFilled) {
    isFollowing = following;
    afterwards = whenFilled;
    for (const gap of all()) {
      label(gap, firstOf(gap), lastOf(gap));
      watch(gap);
    }
    log.addEventListener("scroll", look, { passive: true });
  }

  log.gaps = { scaleTo, passOver, collapse, fetchLines, bring, open, start };
})();
