"use strict";
// The log of one operation: chunks of lines that are in the page and gaps for those that are not, in order and together
// always the whole log. What comes is added at the end, chunks far away become gaps again, and nothing moves under a
// reader.
(() => {
  const log = document.getElementById("log");
  if (!log) return;
  const CAP_FOLLOWING = 1500, CAP_READING = 1000, AT_END = 40, MOST_MARKED = 5000, SCROLLS_ON = 1500; // pixels, ms, else lines
  const { CHUNK, numberOf, isGap, sizeOf, parse, chunksOf, distance, keepPlace, place, touchedSince, settle } = log.parts, { gaps } = log;
  const $ = (id) => document.getElementById(id);
  const follow = $("log-follow"), pill = $("log-pill");
  let last = Number(log.dataset.last), live = log.dataset.live === "1", marked = null;
  let waiting = [], scheduled = false, unseen = 0;

  document.querySelectorAll("[data-js]").forEach((element) => { element.hidden = false; });
  log.querySelector(".chunk:empty")?.remove();

  const count = () => log.getElementsByClassName("line").length;
  const isFollowing = () => follow.checked && live;
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < AT_END && !isGap(log.lastElementChild);
  const toEnd = () => { log.scrollTop = log.scrollHeight; };

  // ---- parts ----------------------------------------------------------------------------------------------------------
  function append(content) {
    const open = log.lastElementChild, lines = [...content.children];
    if (open && !isGap(open)) open.append(...lines.splice(0, Math.max(0, CHUNK - open.childElementCount)));
    if (open && !isGap(open) && !open.childElementCount) open.remove();
    log.append(...chunksOf(lines));
  }

  function trim() {
    for (let surplus = count() - (isFollowing() ? CAP_FOLLOWING : CAP_READING); surplus > 0;) {
      const chunks = log.querySelectorAll(".chunk"), [first, end] = [chunks[0], chunks[chunks.length - 1]];
      const far = isFollowing() || distance(first) > distance(end) ? first : end;
      if (far.childElementCount > surplus) return;
      surplus -= far.childElementCount;
      gaps.collapse(far);
    }
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
    gaps.scaleTo(last);
    const work = () => {
      for (const { content, first, until } of arrived) content ? append(content) : gaps.passOver(first, until);
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

  log.addEventListener("click", (event) => {
    const gap = event.target.closest(".gap");
    if (!gap || !event.target.closest("a, button")) return;
    event.preventDefault();
    follow.checked = false;
    gaps.open(gap).catch(() => {});
  });

  // ---- going somewhere ------------------------------------------------------------------------------------------------
  const show = (line) => settle(() => place(line, 1 / 3));

  async function goTo(number) {
    follow.checked = false;
    if (!$(`L${number}`)) await gaps.bring(number);
    const line = $(`L${number}`);
    if (!line) return;
    log.scrollIntoView({ block: "nearest" });
    show(line);
    trim();
    remark();
  }

  async function goToEnd() {
    if (isGap(log.lastElementChild)) await gaps.bring(last);
    follow.checked = live;
    unseen = 0;
    showPill();
    log.scrollIntoView({ block: "nearest" });
    settle(toEnd);
    trim();
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

  async function goToStart() {
    await goTo(1);
    settle(() => { log.scrollTop = 0; });
  }

  // Not by scrolling past all that lies between.
  const ends = { Home: goToStart, End: goToEnd };
  log.addEventListener("keydown", (event) => {
    if (event.target !== log || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(ends, event.key)) return;
    event.preventDefault();
    ends[event.key]();
  });

  pill.addEventListener("click", () => {
    log.focus({ preventScroll: true });
    goToEnd();
  });
  follow.addEventListener("change", () => { if (follow.checked) goToEnd(); });
  // Only the reader's own scrolling counts: what the page does itself ends at the end anyway.
  log.addEventListener("scroll", () => {
    if (!touchedSince(performance.now() - SCROLLS_ON)) return;
    follow.checked = live && atEnd();
    if (!follow.checked) return;
    unseen = 0;
    showPill();
  }, { passive: true });

  log.view = {
    get last() { return last; },
    get marked() { return marked; },
    take, takeGap, goTo, goToStart, goToEnd, mark,
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
  for (const chunk of log.querySelectorAll(".chunk")) chunk.replaceWith(...chunksOf([...chunk.children]));
  gaps.scaleTo(last);
  gaps.start(isFollowing, () => { keepPlace(trim); remark(); });
  const shown = log.querySelector(".is-marked") ?? (live ? null : log.querySelector(".is-error"));
  if (goToAddress()) return;
  if (shown) show(shown);
  else toEnd();
})();
