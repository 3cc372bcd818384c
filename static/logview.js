"use strict";
// The log of one operation: chunks of lines that are in the page and gaps for those that are not, in order and together
// always the whole log. A gap is filled when somebody looks there or jumps into it, chunks far away become gaps again,
// and nothing moves under a reader.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const CAP_FOLLOWING = 2500, CAP_READING = 2500, PAGE = 500, NEAR = 40, MOST_MARKED = 5000;
  const { CHUNK, numberOf, isGap, firstOf, lastOf, sizeOf, parse, chunksOf, settle } = log.parts, $ = (id) => document.getElementById(id);
  const follow = $("log-follow"), pill = $("log-pill");
  let last = Number(log.dataset.last), live = log.dataset.live === "1", marked = null;
  let waiting = [], scheduled = false, unseen = 0;

  document.querySelectorAll("[data-js]").forEach((element) => { element.hidden = false; });
  log.querySelector(".chunk:empty")?.remove();

  const count = () => log.getElementsByClassName("line").length;
  const isFollowing = () => follow.checked && live;
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR && !isGap(log.lastElementChild);
  const toEnd = () => { log.scrollTop = log.scrollHeight; };

  // ---- parts ----------------------------------------------------------------------------------------------------------
  function makeGap(first, until) {
    const gap = document.createElement("div"), button = document.createElement("button");
    gap.className = "gap";
    button.type = "button";
    button.className = "btn btn-sm btn-log";
    gap.append(button);
    label(gap, first, until);
    looking?.observe(gap);
    return gap;
  }

  function label(gap, first, until) {
    gap.dataset.first = first;
    gap.dataset.last = until;
    gap.firstElementChild.textContent = `Load lines ${first.toLocaleString()}–${until.toLocaleString()}`;
  }

  function append(content) {
    const open = log.lastElementChild;
    if (open && !isGap(open)) open.append(...[...content.children].slice(0, Math.max(0, CHUNK - open.childElementCount)));
    if (open && !isGap(open) && !open.childElementCount) open.remove();
    log.append(...chunksOf(content));
  }

  function passOver(first, until) {
    const open = log.lastElementChild;
    if (isGap(open)) label(open, firstOf(open), until);
    else log.append(makeGap(first, until));
  }

  function forget(gap) {
    looking?.unobserve(gap);
    gap.remove();
  }

  // A chunk that is far from what is read becomes a gap, one with the gaps beside it.
  function collapse(chunk) {
    const { previousElementSibling: before, nextElementSibling: after } = chunk;
    const first = firstOf(isGap(before) ? before : chunk), until = lastOf(isGap(after) ? after : chunk);
    for (const gap of [before, after].filter(isGap)) forget(gap);
    chunk.replaceWith(makeGap(first, until));
  }

  function trim() {
    const cap = isFollowing() ? CAP_FOLLOWING : CAP_READING;
    for (let surplus = count() - cap; surplus > 0;) {
      const chunks = log.querySelectorAll(".chunk"), [first, end] = [chunks[0], chunks[chunks.length - 1]];
      const far = isFollowing() || distance(first) > distance(end) ? first : end;
      if (far.childElementCount > surplus) return;
      surplus -= far.childElementCount;
      collapse(far);
    }
  }

  function distance(chunk) {
    const box = chunk.getBoundingClientRect(), seen = log.getBoundingClientRect();
    return Math.max(seen.top - box.bottom, box.top - seen.bottom, 0);
  }

  // ---- the place of the reader ----------------------------------------------------------------------------------------
  function firstVisible() {
    const { top } = log.getBoundingClientRect();
    const below = (node) => node.getBoundingClientRect().bottom > top;
    const chunk = [...log.querySelectorAll(".chunk")].find(below);
    return chunk && [...chunk.children].find(below);
  }

  function keepPlace(change) {
    const line = firstVisible(), before = line?.getBoundingClientRect().top;
    change();
    if (line?.isConnected) log.scrollTop += line.getBoundingClientRect().top - before;
  }

  // Only the log itself is scrolled; scrollIntoView would move the page too.
  function show(line) {
    settle(() => {
      log.scrollTop += line.getBoundingClientRect().top - log.getBoundingClientRect().top - log.clientHeight / 3;
    });
  }

  // ---- what comes -----------------------------------------------------------------------------------------------------
  function take(html) {
    const content = parse(html);
    for (const line of [...content.children]) if (numberOf(line) <= last) line.remove();
    if (!content.children.length) return;
    const first = numberOf(content.firstElementChild);
    if (first > last + 1) waiting.push({ first: last + 1, until: first - 1 });
    last = numberOf(content.lastElementChild);
    waiting.push({ content });
    schedule();
  }

  function takeGap({ first, last: until }) {
    if (until <= last) return;
    waiting.push({ first: Math.max(first, last + 1), until });
    last = until;
    schedule();
  }

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    if (document.hidden) setTimeout(flush, 500);
    else requestAnimationFrame(flush);
  }

  function flush() {
    scheduled = false;
    const arrived = waiting.splice(0), lines = arrived.reduce((sum, part) => sum + sizeOf(part), 0);
    if (!lines) return;
    const work = () => {
      for (const { content, first, until } of arrived) content ? append(content) : passOver(first, until);
      trim();
      if (marked) remark();
    };
    $("log-empty")?.remove();
    if (isFollowing()) {
      work();
      toEnd();
    } else {
      keepPlace(work);
      unseen += lines;
      showPill();
    }
  }

  function showPill() {
    pill.hidden = unseen === 0;
    pill.lastElementChild.textContent = `${unseen.toLocaleString()} new line${unseen === 1 ? "" : "s"}`;
  }

  // ---- gaps -----------------------------------------------------------------------------------------------------------
  async function fetchLines(query) {
    const answer = await fetch(`${log.dataset.chunk}?${query}`, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) throw new Error(`HTTP ${answer.status}`);
    return parse(await answer.text());
  }

  async function fill(gap, from, until) {
    if (gap.dataset.busy) return;
    gap.dataset.busy = "1";
    let content;
    try {
      content = await fetchLines(`from=${from}&to=${until}`);
    } finally {
      delete gap.dataset.busy;
    }
    if (!gap.isConnected || !content.childElementCount) return;
    const first = firstOf(gap), end = lastOf(gap), got = numberOf(content.lastElementChild);
    keepPlace(() => {
      const before = numberOf(content.firstElementChild) > first ? [makeGap(first, numberOf(content.firstElementChild) - 1)] : [];
      const after = got < end ? [makeGap(got + 1, end)] : [];
      if (gap.contains(document.activeElement)) log.focus({ preventScroll: true });
      looking?.unobserve(gap);
      gap.replaceWith(...before, ...chunksOf(content), ...after);
    });
    remark();
  }

  // From the side on which the reader is.
  function open(gap) {
    const first = firstOf(gap), until = lastOf(gap), line = firstVisible();
    const fromAbove = line && numberOf(line) < first;
    return (fromAbove ? fill(gap, first, Math.min(until, first + PAGE - 1)) : fill(gap, Math.max(first, until - PAGE + 1), until))
      .then(() => keepPlace(trim));
  }

  const looking = "IntersectionObserver" in window ? new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) if (isIntersecting && target.isConnected && !isFollowing()) open(target).catch(() => {});
  }, { root: log, rootMargin: "400px 0px" }) : null;

  log.addEventListener("click", (event) => {
    const gap = event.target.closest(".gap");
    if (!gap || !event.target.closest("a, button")) return;
    event.preventDefault();
    follow.checked = false;
    open(gap);
  });

  // ---- going somewhere ------------------------------------------------------------------------------------------------
  async function goTo(number) {
    follow.checked = false;
    if (!$(`L${number}`)) {
      const gap = [...log.querySelectorAll(".gap")].find((one) => firstOf(one) <= number && number <= lastOf(one));
      if (!gap) return;
      await fill(gap, Math.max(firstOf(gap), number - PAGE / 2), Math.min(lastOf(gap), number + PAGE / 2 - 1));
    }
    const line = $(`L${number}`);
    if (!line) return;
    log.scrollIntoView({ block: "nearest" });
    show(line);
    trim();
  }

  async function goToEnd() {
    const gap = log.lastElementChild;
    if (isGap(gap)) await fill(gap, Math.max(firstOf(gap), lastOf(gap) - PAGE + 1), lastOf(gap));
    follow.checked = live;
    unseen = 0;
    showPill();
    log.scrollIntoView({ block: "nearest" });
    trim();
    settle(toEnd);
  }

  function mark(first, until = first) {
    marked = first ? { first, until: Math.min(until, first + MOST_MARKED) } : null;
    remark();
    document.dispatchEvent(new CustomEvent("dlstack:marked", { detail: marked }));
  }

  function remark() {
    for (const line of log.querySelectorAll(".is-marked")) line.classList.remove("is-marked");
    for (let number = marked?.first; marked && number <= marked.until; number += 1) $(`L${number}`)?.classList.add("is-marked");
  }

  function goToAddress() {
    const [, first, until] = (location.hash.match(/^#L(\d{1,9})(?:-L?(\d{1,9}))?$/) ?? []).map(Number);
    if (!first) return false;
    mark(Math.min(first, until || first), Math.max(first, until || first));
    goTo(marked.first);
    return true;
  }
  addEventListener("hashchange", goToAddress);

  pill.addEventListener("click", () => {
    log.focus({ preventScroll: true });
    goToEnd();
  });
  follow.addEventListener("change", () => { if (follow.checked) goToEnd(); });
  // Only the reader's own scrolling counts: what the page does itself ends at the end anyway.
  let touched = 0;
  for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) log.addEventListener(name, () => { touched = Date.now(); }, { passive: true });
  log.addEventListener("scroll", () => {
    if (Date.now() - touched > 1500) return;
    follow.checked = live && atEnd();
    if (!follow.checked) return;
    unseen = 0;
    showPill();
  }, { passive: true });

  log.view = {
    get last() { return last; },
    get marked() { return marked; },
    take, takeGap, fetchLines, goTo, goToEnd, mark,
    async goToStart() {
      await goTo(1);
      settle(() => { log.scrollTop = 0; });
    },
    // The operation has ended: what waits is shown, and there is nothing more to follow.
    end() {
      flush();
      if (follow.checked) toEnd();
      live = false;
      if (document.activeElement === follow) log.focus({ preventScroll: true });
      follow.closest(".tool").hidden = true;
    },
  };

  if (!live) follow.closest(".tool").hidden = true;
  log.querySelectorAll(".gap").forEach((gap) => looking?.observe(gap));
  const shown = log.querySelector(".is-marked") ?? (live ? null : log.querySelector(".is-error"));
  if (goToAddress()) return;
  if (shown) show(shown);
  else toEnd();
})();
